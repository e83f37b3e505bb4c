"""Texts of a batch as one matrix: their tokens stand one after the other, without padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

# Short texts share a segment with slightly longer ones: so much of their width may be filled up at most.
_FILLED = 1 / 20
_SHORT = 96


@dataclass(frozen=True, slots=True)
class Segment:
    """Texts of one width that stand side by side, whose attention is one product of matrices.

    Attributes:
        start: The first token.
        count: How many texts.
        width: Tokens of each, filled up.
        keep: [count, width]: whether a token is attended to; None where all are.
    """

    start: int
    count: int
    width: int
    keep: torch.Tensor | None

    @property
    def stop(self) -> int:
        """The token after the last one."""
        return self.start + self.count * self.width


@dataclass(frozen=True, slots=True)
class Packed:
    """A batch of texts.

    Attributes:
        ids: Token ids [tokens].
        types: Their token types [tokens].
        positions: Their places in their texts [tokens], from 0.
        segments: How the texts lie.
        firsts: The place of each text's first token [texts].
        lengths: Tokens of each text.
    """

    ids: torch.Tensor
    types: torch.Tensor
    positions: torch.Tensor
    segments: tuple[Segment, ...]
    firsts: torch.Tensor
    lengths: tuple[int, ...]

    def padded(self, hidden: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Vectors [tokens, size] as [texts, width, size], and the mask [texts, width] of what is no padding."""
        import torch

        places = torch.arange(max(self.lengths))
        mask = places < torch.tensor(self.lengths)[:, None]
        rows = torch.where(mask, self.firsts[:, None] + places, self.firsts[:, None])
        return hidden[rows], mask.long()

    def split(self, hidden: torch.Tensor) -> list[torch.Tensor]:
        """The vectors [length, size] of each text."""
        return [
            hidden[start : start + length] for start, length in zip(self.firsts.tolist(), self.lengths, strict=True)
        ]


def pack(
    ids: Sequence[Sequence[int]],
    types: Sequence[Sequence[int]] | None = None,
    attended: Sequence[int] | None = None,
    *,
    pad: int = 0,
) -> Packed:
    """Pack texts, of which none is empty; those of similar length should be neighbours.

    Args:
        ids: Token ids of each text.
        types: Their token types; None for zeros.
        attended: How many of the tokens, from the first, are attended to; None for all.
        pad: The id that fills up.
    """
    import torch

    lengths = [len(text) for text in ids]
    widths = _widths(lengths)
    fills = [width - length for width, length in zip(widths, lengths, strict=True)]
    total = sum(widths)
    flat = torch.tensor(list(chain.from_iterable(_filled(ids, fills, pad))))
    kinds = torch.zeros(total, dtype=torch.long)
    if types is not None:
        kinds = torch.tensor(list(chain.from_iterable(_filled(types, fills, 0))))
    ends = torch.tensor(widths).cumsum(0)
    firsts = ends - torch.tensor(widths)
    positions = torch.arange(total) - firsts.repeat_interleave(torch.tensor(widths))
    kept = lengths if attended is None else list(attended)
    return Packed(flat, kinds, positions, tuple(_segments(widths, kept)), firsts, tuple(lengths))


def _widths(lengths: Sequence[int]) -> list[int]:
    """The width that each text is filled up to: the longest's of its segment, which is the first where they fall."""
    widths: list[int] = []
    for length in lengths:
        before = widths[-1] if widths else 0
        shares = before <= _SHORT and before * (1 - _FILLED) <= length <= before
        widths.append(before if shares else length)
    return widths


def _filled(rows: Sequence[Sequence[int]], fills: Sequence[int], value: int) -> list[Sequence[int]]:
    return [[*row, *[value] * fill] if fill else row for row, fill in zip(rows, fills, strict=True)]


def _segments(widths: Sequence[int], kept: Sequence[int]) -> list[Segment]:
    import torch

    segments, start, place = [], 0, 0
    while place < len(widths):
        width, count = widths[place], 1
        while place + count < len(widths) and widths[place + count] == width:
            count += 1
        own = torch.tensor(kept[place : place + count])
        keep = None if bool((own == width).all()) else torch.arange(width) < own[:, None]
        segments.append(Segment(start, count, width, keep))
        start, place = start + count * width, place + count
    return segments
