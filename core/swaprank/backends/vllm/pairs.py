"""Classification heads in vLLM: the relevance logit of (query, passage) pairs."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError, require
from ...requests import PairScore, PairScored, Response, Usage
from ...scores.activation import sigmoid
from .._checkpoints.limits import check_max_length, positions
from .._checkpoints.source import Source
from .._tokens.pairs import EncodedPair, encode_pairs, output_of
from .._tokens.quoting import Quoting
from .engine import Engine, start

if TYPE_CHECKING:
    from .options import VllmOptions


def load(model: str, options: VllmOptions) -> PairScorer:
    """Start an engine that scores pairs.

    Raises:
        MissingDependencyError: vLLM is not installed.
        BackendError: The model cannot be loaded.
        ConfigError: It has no classification head.
    """
    engine = start(model, options, runner="pooling")
    if "classify" not in engine.tasks:
        raise ConfigError(
            f"The model {model!r} has no classification head that scores a pair: vLLM can "
            f"{', '.join(sorted(engine.tasks))} with it.",
            hint="Give a cross-encoder, or the method this model was trained for.",
        )
    quoting = Quoting(engine.tokenizer, model, parse_control_tokens=options.parse_control_tokens)
    return PairScorer(engine, quoting, decoder=Source(model, options.hub(), adapters=options.adapters).is_decoder())


class PairScorer:
    """A classification head behind a lock: tokenizers are used by one thread at a time.

    Args:
        engine: What computes logits.
        quoting: The model's tokenizer.
        decoder: Whether the network reads from left to right, and may be given shorter limits than asked for.
    """

    def __init__(self, engine: Engine, quoting: Quoting, *, decoder: bool) -> None:
        self._engine = engine
        self._quoting = quoting
        self._decoder = decoder
        self._params: Any = require("vllm", extra="vllm", purpose="backend: vllm").PoolingParams
        self._outputs: int = engine.config.num_labels
        self._activation = "sigmoid" if self._outputs == 1 else "identity"
        if not decoder:
            self._activation = _activation(engine.config, engine.model) or self._activation
        own = engine.context if decoder else min(engine.context, engine.tokenizer.model_max_length)
        self._most = min(own, positions(engine.config) or own)
        self._lock = threading.Lock()

    def run(self, requests: Sequence[PairScore]) -> list[Response]:
        """Answer all requests, in order; equal pairs once."""
        labels = [output_of(request.label, self._outputs, self._engine.model) for request in requests]
        limits = [self._limit(request.max_length) for request in requests]
        with self._lock:
            pairs = encode_pairs(self._quoting, requests, limits)
            keys = [(tuple(pair.ids), self._second(pair)) for pair in pairs]
            distinct = list(dict.fromkeys(keys))
            params = [
                # Ids alone would make all of a pair its first text.
                self._params(
                    use_activation=False,
                    extra_kwargs=None if second is None else {"compressed_token_type_ids": second},
                )
                for _, second in distinct
            ]
            vectors = self._engine.pool("classify", [ids for ids, _ in distinct], params)
        logits = {key: vector.double().tolist() for key, vector in zip(distinct, vectors, strict=True)}
        return [self._scored(pair, logits[key][label]) for pair, key, label in zip(pairs, keys, labels, strict=True)]

    def _limit(self, max_length: int | None) -> int:
        if max_length is None or (self._decoder and max_length > self._most):
            return self._most
        check_max_length(max_length, self._most, self._engine.model)
        return max_length

    def _second(self, pair: EncodedPair) -> int | None:
        """Where the second text starts, for networks that tell the two apart; vLLM knows no other order of types."""
        types = pair.inputs.get("token_type_ids")
        if types is None or 1 not in types:
            return None
        first = types.index(1)
        if types != [0] * first + [1] * (len(types) - first):
            raise ConfigError(
                f"The tokenizer of {self._engine.model!r} marks pairs in a way that vLLM cannot pass on.",
                hint="Use backend: transformers.",
            )
        return first

    def _scored(self, pair: EncodedPair, logit: float) -> PairScored:
        activated = sigmoid(logit) if self._activation == "sigmoid" else logit
        return PairScored(logit, self._activation, activated, Usage(input_tokens=len(pair.ids), cut=int(pair.cut)))


def _activation(config: Any, model: str) -> str | None:
    """The activation that sentence-transformers keeps in a cross-encoder's config; None where it keeps none."""
    own = getattr(config, "sentence_transformers", None) or {}
    named = own.get("activation_fn") or getattr(config, "sbert_ce_default_activation_function", None)
    if not str(named).startswith("torch."):  # sentence-transformers, too, overlooks code of others
        return None
    name = str(named).rpartition(".")[2].lower()
    if name not in ("sigmoid", "identity"):
        raise ConfigError(
            f"The model {model!r} asks for the activation {named!r}; the vllm backend knows Sigmoid and Identity.",
            hint="Use backend: transformers.",
        )
    return name
