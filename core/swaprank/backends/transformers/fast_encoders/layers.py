"""The layer of BERT and its kin: attention and feed-forward, each followed by a sum and a normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from .attention import attend, attend_first
from .linear import Linear
from .packing import Packed, Segment

if TYPE_CHECKING:
    import torch
    from torch import nn


def normalized(rows: torch.Tensor, norm: nn.LayerNorm) -> torch.Tensor:
    """Rows [n, size] normalised, scaled and shifted."""
    from torch.nn.functional import layer_norm

    return layer_norm(rows, norm.normalized_shape, norm.weight, norm.bias, norm.eps)


class Attention(Protocol):
    """Attention over packed texts; see `attention.attend` and `attention.attend_first`."""

    def all(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, segments: Sequence[Segment]
    ) -> torch.Tensor:
        """[tokens, heads, size] each, to [tokens, heads * size]."""

    def first(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, segments: Sequence[Segment]
    ) -> torch.Tensor:
        """Queries [texts, heads, size] of the first tokens, to [texts, heads * size]."""


class Plain:
    """Attention by the products of queries and keys alone."""

    def __init__(self, size: int) -> None:
        self._scale = size**-0.5

    def all(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, segments: Sequence[Segment]
    ) -> torch.Tensor:
        """As in `Attention`."""
        return attend(query, key, value, segments, self._scale)

    def first(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, segments: Sequence[Segment]
    ) -> torch.Tensor:
        """As in `Attention`."""
        return attend_first(query, key, value, segments, self._scale)


class PostNormLayer:
    """A layer that normalises after its sums.

    Args:
        query: The projection to queries; `key` and `value` alike.
        output: The projection of what attention has mixed.
        attention_norm: The normalisation after it.
        up: The first layer of the feed-forward.
        down: The second one.
        output_norm: The normalisation after it.
        activation: What stands between the two: a key of `linear.ACTIVATIONS`.
        heads: How many heads.
        first_only: Whether the result is read at the first token of each text only.
        attention: How tokens attend; None for `Plain`.
    """

    def __init__(
        self,
        query: nn.Linear,
        key: nn.Linear,
        value: nn.Linear,
        output: nn.Linear,
        attention_norm: nn.LayerNorm,
        up: nn.Linear,
        down: nn.Linear,
        output_norm: nn.LayerNorm,
        *,
        activation: str,
        heads: int,
        first_only: bool,
        attention: Attention | None = None,
    ) -> None:
        self._heads = heads
        self._size = query.out_features // heads
        self._attention = attention or Plain(self._size)
        self._first_only = first_only
        self._inward = [Linear([query]), Linear([key, value])] if first_only else [Linear([query, key, value])]
        self._output, self._attention_norm = Linear([output]), attention_norm
        self._up, self._down, self._output_norm = Linear([up], activation), Linear([down]), output_norm

    @property
    def linears(self) -> list[Linear]:
        """What holds this layer's weights."""
        return [*self._inward, self._output, self._up, self._down]

    def __call__(self, hidden: torch.Tensor, packed: Packed) -> torch.Tensor:
        """Vectors [tokens, size] to [tokens, size], or to [texts, size] of the first tokens."""
        if self._first_only:
            rows = hidden[packed.firsts]
            key, value = self._inward[1](hidden).view(-1, 2, self._heads, self._size).unbind(1)
            query = self._inward[0](rows).view(-1, self._heads, self._size)
            mixed = self._attention.first(query, key, value, packed.segments)
        else:
            rows = hidden
            query, key, value = self._inward[0](hidden).view(-1, 3, self._heads, self._size).unbind(1)
            mixed = self._attention.all(query, key, value, packed.segments)
        rows = normalized(self._output(mixed, rows), self._attention_norm)
        return normalized(self._down(self._up(rows), rows), self._output_norm)
