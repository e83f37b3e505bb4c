"""Kemeny's rule: the order that contradicts the given lists in the fewest pairs.

Kemeny, Mathematics without Numbers (1959). Finding it is NP-hard, even for four lists (Dwork et al., Rank Aggregation
Methods for the Web, WWW 2001). By Truchon's extended Condorcet criterion (1998) the order never crosses the components
of the majority graph. So each component is ordered alone: exactly where it has at most `EXACT` candidates, and
otherwise by local search from the Borda order, which ends where moving no single candidate helps.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .ranks import descending
from .scaling import borda
from .score_list import ScoreList

EXACT = 12
"""Most candidates of a component that is ordered exactly: the time doubles with each further one."""

# Gains below this share of all weights are rounding.
_ROUNDING = 1e-12

Margins = NDArray[np.float64]


def kemeny(lists: Sequence[ScoreList], weights: Sequence[float]) -> list[float]:
    """Scores by place in Kemeny's order: (n - place + 1) / n, place from 1, so above 0 and at most 1.

    A list prefers the higher score, and what it holds to what it does not hold. Equal scores, and two candidates
    that it does not hold, are no preference. Of several best orders it takes one that is close to Borda's.

    Args:
        lists: Scores by candidate, all of one length.
        weights: One per list: what contradicting it in a pair costs.
    """
    start = _borda_order(lists, weights)
    margins = _margins(lists, weights)[np.ix_(start, start)]
    least = _ROUNDING * sum(map(abs, weights))
    order: list[int] = []
    for component in _components(margins >= -least):
        part = margins[np.ix_(component, component)]
        local = _exact(part) if len(component) <= EXACT else _improved(part, least)
        order += [start[component[place]] for place in local]
    scores = [0.0] * len(order)
    for place, index in enumerate(order):
        scores[index] = (len(order) - place) / len(order)
    return scores


def _borda_order(lists: Sequence[ScoreList], weights: Sequence[float]) -> list[int]:
    columns = [borda(scores) for scores in lists]
    sums = [
        sum(weight * (score or 0.0) for weight, score in zip(weights, row, strict=True))
        for row in zip(*columns, strict=True)
    ]
    return descending(sums)


def _margins(lists: Sequence[ScoreList], weights: Sequence[float]) -> Margins:
    """The weight of the lists that put i before j, less that of those that put j before i: [i, j]."""
    total = np.zeros((len(lists[0]), len(lists[0])))
    for scores, weight in zip(lists, weights, strict=True):
        heights = np.array([-np.inf if score is None or score != score else score for score in scores])
        held = np.array([score is not None and score == score for score in scores])
        # What a list does not hold lies below everything that it holds, also below -inf.
        before = (heights[:, None] > heights[None, :]) & held[:, None] & held[None, :]
        before |= held[:, None] & ~held[None, :]
        total += weight * (before.astype(float) - before.T)
    return total


def _components(reaches: NDArray[np.bool_]) -> list[list[int]]:
    """Strongly connected components of a graph in which every pair has an edge, first to last, by index."""
    count = len(reaches)
    reach = [sum(1 << int(j) for j in np.flatnonzero(row)) | 1 << i for i, row in enumerate(reaches)]
    for middle in range(count):
        for i in range(count):
            if reach[i] >> middle & 1:
                reach[i] |= reach[middle]
    # Members of a component reach the same, and more than those of every later one.
    found: dict[int, list[int]] = {}
    for i in range(count):
        found.setdefault(reach[i], []).append(i)
    return [found[key] for key in sorted(found, key=lambda key: -key.bit_count())]


def _exact(margins: Margins) -> list[int]:
    """The best order, by dynamic programming over the sets of candidates that are still to be placed."""
    count = len(margins)
    gain = margins.tolist()
    best, first = [0.0] * (1 << count), [0] * (1 << count)
    # Over the sets: what a candidate gains if it stands before all others of the set.
    gains = [[0.0] * (1 << count) for _ in range(count)]
    for members in range(1, 1 << count):
        low = (members & -members).bit_length() - 1
        rest = members & (members - 1)
        top = -float("inf")
        for one in range(count):
            gains[one][members] = gains[one][rest] + gain[one][low]
            if members >> one & 1:
                value = gains[one][members] + best[members ^ 1 << one]
                if value > top:
                    top, first[members] = value, one
        best[members] = top
    order, members = [], (1 << count) - 1
    while members:
        order.append(first[members])
        members ^= 1 << first[members]
    return order


def _improved(margins: Margins, least: float) -> list[int]:
    """The given order, improved by moving single candidates to where they gain most, until none gains."""
    order = list(range(len(margins)))
    moved = True
    while moved:
        moved = False
        for one in range(len(margins)):
            at = order.index(one)
            rest = np.array(order[:at] + order[at + 1 :], dtype=int)
            # What it gains by standing at each place, against standing at the first.
            gains = np.concatenate([[0.0], -2 * np.cumsum(margins[one, rest])])
            place = int(np.argmax(gains))
            if gains[place] > gains[at] + least:
                order = [*rest[:place].tolist(), one, *rest[place:].tolist()]
                moved = True
    return order
