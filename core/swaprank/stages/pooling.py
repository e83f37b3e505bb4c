"""Several candidate lists in one pool, and the best of each list among the first places."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence


def covering(
    order: Sequence[int], scores: Sequence[float], best: Sequence[int], n: int
) -> tuple[list[int], list[float]]:
    """Bring the best passages of all parts among the first n places, at the cost of the lowest there.

    Args:
        order: A permutation, best first.
        scores: By index, falling along `order`.
        best: What must be among the first n, most important first; the first of `order` must as well.
        n: Number of places.

    Returns:
        The new order, and the scores, lowered where something else came to stand before.
    """
    wanted = list(dict.fromkeys([*order[:1], *best]))[:n]
    filling = [index for index in order if index not in wanted][: n - len(wanted)]
    head = [index for index in order if index in wanted or index in filling]
    rest = [index for index in order if index not in head]
    lowered = list(scores)
    if head != list(order[: len(head)]):
        floor = scores[head[-1]]
        for index in rest:
            floor = lowered[index] = min(scores[index], math.nextafter(floor, -math.inf))
    return head + rest, lowered


def pooled(lists: Sequence[Sequence[Hashable]]) -> tuple[list[tuple[int, int]], tuple[tuple[int, ...], ...]]:
    """The union of several lists, the first seen first.

    Args:
        lists: Keys of what each list holds.

    Returns:
        For each member of the union the list and the place where it was first seen; and each list as positions in
        the union, as `Decomposed.found` holds them.
    """
    places: dict[Hashable, int] = {}
    members: list[tuple[int, int]] = []
    for row, keys in enumerate(lists):
        for column, key in enumerate(keys):
            if places.setdefault(key, len(members)) == len(members):
                members.append((row, column))
    return members, tuple(tuple(dict.fromkeys(places[key] for key in keys)) for keys in lists)
