"""What every encoder of texts, pairs, tokens or images is: a loaded model behind a lock, batched by tokens."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from ...errors import ConfigError
from ...requests import EmbedImage, EmbedImageTokens, Request, Response
from .._checkpoints.limits import check_max_length
from .._common.distinct import Distinct
from .._common.token_batches import CPU_BATCH, CPU_TOKENS, in_batches

if TYPE_CHECKING:
    import torch

    from .options import TransformersOptions

RequestKind = TypeVar("RequestKind", bound=Request)


class Encoder(ABC, Generic[RequestKind]):
    """A loaded model behind a lock: tokenizers and devices are used by one thread at a time."""

    def __init__(self, network: torch.nn.Module, limit: int | None, model: str, options: TransformersOptions) -> None:
        self._name = model
        on_cpu = _on_cpu(network)
        self._batch_tokens = min(options.batch_tokens, CPU_BATCH) if on_cpu else options.batch_tokens
        self._enough = CPU_TOKENS if on_cpu else None
        self._packs = False
        self._lock = threading.Lock()
        self._positions = _positions(network)
        self._own_limit = min(filter(None, (limit, self._positions)), default=None)

    def run(self, requests: Sequence[RequestKind]) -> list[Response]:
        """Answer all requests, in order."""
        import torch

        self._check_kinds(requests)
        # Equal requests are computed once: it saves work, and equal passages cannot differ by rounding.
        distinct = Distinct(requests)
        with self._lock, torch.inference_mode():
            return distinct.spread(self._run(distinct.requests))

    def _in_batches(self, lengths: Sequence[int], forward: Callable[[list[int]], None]) -> None:
        """Forward passes over items of these lengths, of the size that this model is computed fastest in."""
        enough = None if self._packs else self._enough
        in_batches(lengths, self._batch_tokens, forward, enough=enough, packed=self._packs)

    def _check_kinds(self, requests: Sequence[Request]) -> None:
        """Refuse what is no text, where the model reads texts only.

        Raises:
            ConfigError: An image is to be embedded.
        """
        if any(isinstance(request, EmbedImage | EmbedImageTokens) for request in requests):
            raise ConfigError(
                f"The model {self._name!r} reads texts, and is asked about images.",
                hint="Set images: ignore, or take a model that reads them.",
            )

    @abstractmethod
    def _run(self, requests: Sequence[RequestKind]) -> list[Response]: ...

    def _limit(self, max_length: int | None) -> int | None:
        """The most tokens to read: as many as asked for, or else the model's own limit.

        Raises:
            ConfigError: The model has no positions for so many.
        """
        check_max_length(max_length, self._positions, self._name)
        return max_length or self._own_limit


def runs_fast(options: TransformersOptions) -> bool:
    """Whether the options leave the forward pass to us: who names an implementation of attention wants that one."""
    return options.engine == "torch" and options.attn_implementation is None


def _on_cpu(network: torch.nn.Module) -> bool:
    return all(parameter.device.type == "cpu" for parameter in network.parameters())


def _positions(network: torch.nn.Module) -> int | None:
    """How many tokens a table of absolute positions admits; None where positions are relative or rotary."""
    import torch

    tables = (getattr(module, "position_embeddings", None) for module in network.modules())
    sizes = [
        # RoBERTa and its kin count positions from after the padding index.
        table.num_embeddings - (0 if table.padding_idx is None else table.padding_idx + 1)
        for table in tables
        if isinstance(table, torch.nn.Embedding)
    ]
    return min(sizes, default=None)
