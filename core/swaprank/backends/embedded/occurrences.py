"""How often texts hold each of many strings, in one pass over the texts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

_CODE_POINTS = 0x110000
# So many bits of a number tell which places of the texts cannot hold any of the strings.
_BITS = 20


def occurrences(texts: Sequence[str], wanted: Collection[str]) -> Numbers:
    """How often each text holds each string, as `str.count` tells: without overlaps.

    The letters of the strings are read as the digits of a number system. A string is then a number, and so is what
    stands at each place of a text, which makes the search one of numbers in an array.

    Args:
        texts: The texts.
        wanted: Distinct strings of one character or more.

    Returns:
        Counts [texts, strings].
    """
    strings = list(wanted)
    sizes = {len(one) for one in strings}
    letters = sorted(set().union(*strings))
    base = len(letters) + 1
    counts = np.zeros((len(texts), len(strings)), dtype=np.int64)
    if base ** max(sizes, default=0) > np.iinfo(np.int64).max:
        for row, text in enumerate(texts):
            counts[row] = [text.count(one) for one in strings]
        return counts
    digits = np.zeros(_CODE_POINTS, dtype=np.int64)
    digits[_code_points("".join(letters))] = np.arange(1, base)
    read = digits[_code_points("".join(texts))]
    ends = np.cumsum([len(text) for text in texts])
    repeating = np.array([any(one.endswith(one[:some]) for some in range(1, len(one))) for one in strings], dtype=bool)
    for size in sizes:
        columns = np.array([column for column, one in enumerate(strings) if len(one) == size])
        searched = _numbers(digits[_code_points("".join(strings[column] for column in columns))], base, size)[::size]
        order = np.argsort(searched)
        places, found = _search(_numbers(read, base, size), searched[order])
        owners = np.searchsorted(ends, places, side="right")
        # What begins in one text and ends in the next is in neither.
        inside = places + size <= ends[owners]
        places, owners, found = places[inside], owners[inside], columns[order[found[inside]]]
        cells = owners * len(strings) + found
        suspects = np.flatnonzero(repeating[found])
        cells = np.delete(cells, suspects[_overlapping(places[suspects], cells[suspects], size)])
        counts += np.bincount(cells, minlength=counts.size).reshape(counts.shape)
    return counts


def _code_points(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def _numbers(digits: Numbers, base: int, size: int) -> Numbers:
    """The number of ``size`` digits that begins at each place [digits - size + 1]."""
    count = max(len(digits) - size + 1, 0)
    numbers = np.zeros(count, dtype=np.int64)
    for place in range(size):
        numbers *= base
        numbers += digits[place : place + count]
    return numbers


def _search(numbers: Numbers, wanted: Numbers) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where the wanted numbers, which are sorted, stand among the others, and which of them stands there."""
    mask = (1 << _BITS) - 1
    possible = np.zeros(mask + 1, dtype=bool)
    possible[wanted & mask] = True
    places = np.flatnonzero(possible[numbers & mask])
    nearest = np.searchsorted(wanted, numbers[places]).clip(max=len(wanted) - 1)
    same = wanted[nearest] == numbers[places]
    return places[same], nearest[same]


def _overlapping(places: NDArray[np.intp], cells: NDArray[np.intp], size: int) -> list[int]:
    """Which finds begin within an earlier one of their cell that counts; the places rise."""
    ends: dict[int, int] = {}
    overlapping = []
    for one, (place, cell) in enumerate(zip(places.tolist(), cells.tolist(), strict=True)):
        if place < ends.get(cell, 0):
            overlapping.append(one)
        else:
            ends[cell] = place + size
    return overlapping
