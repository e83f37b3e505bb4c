"""Decoders with a classification head: the relevance is read at the last token of a pair."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from ...requests import PairScore, PairScored, Response, Usage
from ...scores.activation import sigmoid
from .._tokens.pairs import EncodedPair, encode_pairs, output_of
from .._tokens.quoting import Quoting
from .causal import CausalNetwork, Scored, Session


class Classifier:
    """A loaded network behind a lock.

    The head reads the last token of the pair, found by counting: an end token in a passage, which makes
    transformers pool a token early where padding and end token are the same, changes nothing here.

    Args:
        network: The network with its head.
        quoting: Its tokenizer.
        model: The model's name in messages.
        outputs: How many outputs the head has.
        context: Most tokens the network has positions for; None for no limit.
        batch_tokens: Most tokens of a forward pass.
    """

    def __init__(
        self,
        network: CausalNetwork,
        quoting: Quoting,
        model: str,
        *,
        outputs: int,
        context: int | None,
        batch_tokens: int,
    ) -> None:
        self._network = network
        self._quoting = quoting
        self._model = model
        self._outputs = outputs
        self._context = context
        self._batch_tokens = batch_tokens
        self._lock = threading.Lock()

    def run(self, requests: Sequence[PairScore]) -> list[Response]:
        """Answer all requests, in order; equal pairs once."""
        import torch

        labels = [output_of(request.label, self._outputs, self._model) for request in requests]
        limits = [request.max_length or self._context for request in requests]
        with self._lock, torch.inference_mode():
            pairs = encode_pairs(self._quoting, requests, limits)
            distinct = list(dict.fromkeys(tuple(pair.ids) for pair in pairs))
            scores: dict[tuple[int, ...], list[float]] = {}

            def use(places: list[int], session: Scored | Session) -> None:
                rows = session.logits.double().tolist()
                scores.update({distinct[place]: row for place, row in zip(places, rows, strict=True)})

            self._network.score(distinct, [()] * len(distinct), self._batch_tokens, use)
        return [self._scored(pair, scores[tuple(pair.ids)][label]) for pair, label in zip(pairs, labels, strict=True)]

    def _scored(self, pair: EncodedPair, logit: float) -> PairScored:
        usage = Usage(input_tokens=len(pair.ids), cut=int(pair.cut))
        if self._outputs == 1:
            return PairScored(logit, "sigmoid", sigmoid(logit), usage)
        return PairScored(logit, "identity", logit, usage)
