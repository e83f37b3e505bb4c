"""Which token sequences share a beginning that is worth computing once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

# What one more forward pass costs, in tokens; shared beginnings shorter than this are computed again.
_PASS = 32
# Far beyond what prompts nest (task, query, passage); bounds the recursion on odd input.
_DEPTH = 16


@dataclass(frozen=True, slots=True)
class Group:
    """Sequences that begin alike.

    Attributes:
        places: Which sequences.
        shared: How many first tokens they have in common and compute once; 0 for none.
    """

    places: list[int]
    shared: int = 0


def shared_prefixes(sequences: Sequence[list[int]], keep: Sequence[int]) -> list[Group]:
    """Split sequences into groups so that the fewest tokens are computed.

    Args:
        sequences: Token ids.
        keep: How many last tokens of each sequence must not be part of a shared beginning.

    Returns:
        Groups that hold each sequence once; at most one of them shares nothing.
    """
    order = sorted(range(len(sequences)), key=lambda place: sequences[place])
    common = [0] * len(order)
    for place in range(1, len(order)):
        before, here = order[place - 1], order[place]
        common[place] = min(
            _common(sequences[before], sequences[here]),
            len(sequences[before]) - keep[before],
            len(sequences[here]) - keep[here],
        )
    lengths = [len(sequences[place]) for place in order]

    def split(first: int, last: int, depth: int) -> tuple[int, list[tuple[int, int, int]]]:
        """The least cost of ``order[first:last]`` and the (first, last, shared) groups it takes."""
        total = sum(lengths[first:last])
        if last - first == 1:
            return total, [(first, last, 0)]
        shared = min(common[first + 1 : last])
        whole = _PASS + total - (last - first - 1) * shared
        cuts = [first, *(place for place in range(first + 1, last) if common[place] == shared), last]
        if depth == _DEPTH:
            return whole, [(first, last, shared)]
        parts = [split(start, end, depth + 1) for start, end in pairwise(cuts)]
        cost = sum(part for part, _ in parts)
        if whole < cost:
            return whole, [(first, last, shared)]
        return cost, [group for _, groups in parts for group in groups]

    groups = split(0, len(order), 0)[1] if order else []
    alone = [order[place] for first, last, shared in groups if not shared for place in range(first, last)]
    sharing = [Group(order[first:last], shared) for first, last, shared in groups if shared]
    return [*sharing, Group(alone)] if alone else sharing


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """Length of the common beginning, by halving: slices compare fast."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
