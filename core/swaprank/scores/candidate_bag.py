"""The lists of several retrievers as one list, in which what several of them found stands several times."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from itertools import zip_longest
from typing import Any, TypeVar

T = TypeVar("T")

_NONE: Any = object()


def candidate_bag(
    lists: Sequence[Sequence[T]], k: int, *, unique: bool = False, key: Callable[[T], Hashable] | None = None
) -> list[T]:
    """The first of each list, then the second of each, and so on, as `vic` wants its candidates.

    Repeats are kept: to `vic` they are votes.

    Args:
        lists: Candidates of each retriever, best first.
        k: How many are taken at most.
        unique: Whether each is taken once.
        key: What makes two candidates the same; None for the candidate itself.

    Example:
        >>> candidate_bag([["a", "b", "c"], ["b", "c", "d"]], 5)
        ['a', 'b', 'b', 'c', 'c']
        >>> candidate_bag([["a", "b", "c"], ["b", "c", "d"]], 5, unique=True)
        ['a', 'b', 'c', 'd']
    """
    bag: list[T] = []
    seen: set[Hashable] = set()
    for rank in zip_longest(*lists, fillvalue=_NONE):
        for candidate in rank:
            if candidate is _NONE or len(bag) >= k:
                continue
            own: Hashable = candidate if key is None else key(candidate)
            if not unique or own not in seen:
                bag.append(candidate)
            if unique:
                seen.add(own)
    return bag
