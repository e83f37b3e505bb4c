"""Decoders that embed many texts of one prompt: a projection of the hidden states at marked tokens."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError, SwaprankError
from ...requests import EmbedMarks, Response, TokenEmbeddings, Usage
from .._checkpoints.limits import positions
from .._common.token_batches import in_batches
from .._tokens.rendering import Rendering
from .._tokens.tokens import Encoded, Tokens
from .loading.networks import check_torch, load_network, source_of
from .loading.report import expecting
from .loading.tensors import stored_tensors
from .padding import padded

if TYPE_CHECKING:
    import torch

    from .options import TransformersOptions

_PROJECTION = ("projector.0.weight", "projector.2.weight")


class MarkEncoder:
    """A loaded decoder and its projection behind a lock: tokenizers and devices are used by one thread at a time.

    Args:
        network: The decoder without its output layer.
        projection: The weights of the two linear layers, [inner, hidden] and [dimensions, inner]; a ReLU is between
            them.
        tokens: The model's tokenizer.
        context: Most tokens the network has positions for; None for no limit.
        batch_tokens: Most tokens of a forward pass.
    """

    def __init__(
        self,
        network: Any,
        projection: tuple[torch.Tensor, torch.Tensor],
        tokens: Tokens,
        *,
        context: int | None,
        batch_tokens: int,
    ) -> None:
        self._network = network
        self._projection = projection
        self._tokens = tokens
        self._rendering = Rendering(tokens, tokens.model, context)
        self._batch_tokens = batch_tokens
        self._lock = threading.Lock()

    def run(self, requests: Sequence[EmbedMarks]) -> list[Response | SwaprankError]:
        """Answer all requests, in order."""
        import torch

        with self._lock, torch.inference_mode():
            encoded = [self._rendering.fitted_or_error(request) for request in requests]
            read = [(place, one) for place, one in enumerate(encoded) if isinstance(one, Encoded)]
            answers: dict[int, TokenEmbeddings] = {}

            def forward(batch: list[int]) -> None:
                own = [read[index] for index in batch]
                states = self._states([one.ids for _, one in own])
                for (place, one), row in zip(own, states, strict=True):
                    marks = {self._tokens.label(mark, single=True) for mark in requests[place].marks}
                    answers[place] = self._answer(row, one, marks)

            in_batches([len(one.ids) for _, one in read], self._batch_tokens, forward)
        return [answers[place] if isinstance(one, Encoded) else one for place, one in enumerate(encoded)]

    def _states(self, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        """The last hidden states, [prompts, tokens, hidden]; padding is behind the prompts."""
        ids, mask = padded(prompts, self._network.device)
        states: torch.Tensor = self._network(
            input_ids=ids, attention_mask=mask.long(), use_cache=False
        ).last_hidden_state
        return states

    def _answer(self, states: torch.Tensor, read: Encoded, marks: set[int]) -> TokenEmbeddings:
        from torch.nn.functional import linear, relu

        places = [place for place, token in enumerate(read.ids) if token in marks]
        first, second = self._projection
        vectors = linear(relu(linear(states[places], first)), second)
        return TokenEmbeddings(
            [read.ids[place] for place in places],
            vectors.float().cpu().numpy(),
            usage=Usage(len(read.ids), 0, read.cut),
        )


def mark_encoder(model: str, options: TransformersOptions) -> MarkEncoder:
    """Load a decoder with the projection that its checkpoint holds as ``projector``.

    Raises:
        MissingDependencyError: transformers is not installed.
        BackendError: The model cannot be loaded.
        ConfigError: It is not a decoder, or has no such projection.
    """
    check_torch(model, options)
    source = source_of(model, options)
    stored: dict[str, torch.Tensor] = {}
    if source.is_decoder():
        stored = dict(stored_tensors(Path(source.path), "projector."))
    if set(stored) != set(_PROJECTION):
        raise ConfigError(
            f"The model {model!r} is no decoder with a projection ({' and '.join(_PROJECTION)}).",
            hint="Give a model of the kind of jinaai/jina-reranker-v3.",
        )
    with expecting("projector.", "lm_head."):
        network: Any = load_network(source, options, "AutoModel")
    first, second = (stored[name].to(network.device, network.dtype) for name in _PROJECTION)
    return MarkEncoder(
        network,
        (first, second),
        Tokens(source.tokenizer(), model, parse_control_tokens=options.parse_control_tokens),
        context=options.max_model_len or positions(network.config),
        batch_tokens=options.batch_tokens,
    )
