"""Texts of a batch as one matrix: their tokens stand one after the other, with next to no padding.

Some there is. oneDNN compiles a kernel for every shape that it has not met, and keeps it: one or two megabytes. Widths
and the rows of the matrix are filled up to round numbers, so that the shapes are few.
"""

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
# Longer ones are filled up to a multiple: of 8 up to so many tokens, and of 16 beyond.
_MIDDLE = 256
# Tokens of a segment of several texts: with so many, starting a kernel costs next to nothing.
_SEGMENT = 1024
# The rows of the matrix are filled up to a multiple of a power of two, the largest one within this share of them.
_ROWS_FILLED = 1 / 16


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
        ids: Token ids [rows]: those of the texts, and what fills up.
        types: Their token types [rows].
        positions: Their places in their texts [rows], from 0; 0 for what fills up.
        real: Whether a row is a token of a text [rows].
        segments: How the texts lie.
        firsts: The place of each text's first token [texts].
        lengths: Tokens of each text.
    """

    ids: torch.Tensor
    types: torch.Tensor
    positions: torch.Tensor
    real: torch.Tensor
    segments: tuple[Segment, ...]
    firsts: torch.Tensor
    lengths: tuple[int, ...]

    def padded(self, hidden: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Vectors [rows, size] as [texts, width, size], and the mask [texts, width] of what is no padding."""
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
    rest = _rest(sum(widths))
    # What fills up the matrix stands behind the last text, and is no text's width.
    fills = [width - length for width, length in zip(widths, lengths, strict=True)]
    fills[-1] += rest
    flat = torch.tensor(list(chain.from_iterable(_filled(ids, fills, pad))))
    kinds = torch.zeros(len(flat), dtype=torch.long)
    if types is not None:
        kinds = torch.tensor(list(chain.from_iterable(_filled(types, fills, 0))))
    wide = torch.tensor(widths)
    firsts = wide.cumsum(0) - wide
    wide[-1] += rest
    places = torch.arange(len(flat)) - firsts.repeat_interleave(wide)
    real = places < torch.tensor(lengths).repeat_interleave(wide)
    kept = lengths if attended is None else list(attended)
    return Packed(flat, kinds, places * real, real, tuple(_segments(widths, kept)), firsts, tuple(lengths))


def _widths(lengths: Sequence[int]) -> list[int]:
    """The width that each text is filled up to.

    A short one has the longest's of its segment, which is the first where they fall; a longer one a round number.
    """
    widths: list[int] = []
    for length in lengths:
        before = widths[-1] if widths else 0
        if length > _SHORT:
            step = 8 if length <= _MIDDLE else 16
            widths.append(-(-length // step) * step)
        elif before <= _SHORT and before * (1 - _FILLED) <= length <= before:
            widths.append(before)
        else:
            widths.append(length)
    return widths


def _rest(rows: int) -> int:
    """How many rows are missing to a round number of them."""
    step = 1 << max(0, int(rows * _ROWS_FILLED).bit_length() - 1)
    return -rows % step


def _filled(rows: Sequence[Sequence[int]], fills: Sequence[int], value: int) -> list[Sequence[int]]:
    return [[*row, *[value] * fill] if fill else row for row, fill in zip(rows, fills, strict=True)]


def _segments(widths: Sequence[int], kept: Sequence[int]) -> list[Segment]:
    import torch

    segments, start, place = [], 0, 0
    while place < len(widths):
        width, count = widths[place], 1
        # Counts are powers of two, and small ones: the shapes of attention are to be few.
        while 2 * count * width <= _SEGMENT and widths[place : place + 2 * count] == [width] * (2 * count):
            count *= 2
        own = torch.tensor(kept[place : place + count])
        keep = None if bool((own == width).all()) else torch.arange(width) < own[:, None]
        segments.append(Segment(start, count, width, keep))
        start, place = start + count * width, place + count
    return segments
