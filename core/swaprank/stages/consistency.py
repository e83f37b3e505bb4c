"""Permutation self-consistency: ask about shuffled copies of a group, and merge what comes back by rank.

Tang et al., Found in the Middle: Permutation Self-Consistency Improves Listwise Ranking in Large Language
Models (2024), with mean ranks (Borda) for the central ranking. A wrapper around the rounds of any
strategy: the strategy sees one answer per group, as if it had been asked once.
"""

from __future__ import annotations

import random
from collections.abc import Generator, Sequence

from ..flow.flow import relay
from ..scores.ranks import descending
from ..strategy import UNREAD, Group, Rounds, Strategy


def rounds(strategy: Strategy, n: int) -> Rounds:
    """The rounds of a strategy, each group repeated as often as its ``permutations`` say.

    All copies of a round travel together. The first copy is in the given order, so that one permutation
    is the strategy itself; a group of one is asked about once.
    """
    if strategy.permutations == 1:
        return (yield from strategy.rounds(n))
    chance = random.Random(strategy.seed or 0)

    def repeated(groups: list[Group]) -> Generator[list[Group], list[Sequence[float]], list[Sequence[float]]]:
        shuffles = [_shuffles(len(group), strategy.permutations, chance) for group in groups]
        scores = yield [
            tuple(group[place] for place in shuffle)
            for group, orders in zip(groups, shuffles, strict=True)
            for shuffle in orders
        ]
        copies = iter(scores)
        return [merged([_unshuffled(next(copies), shuffle) for shuffle in orders]) for orders in shuffles]

    return (yield from relay(strategy.rounds(n), repeated))


def merged(copies: Sequence[Sequence[float]]) -> list[float]:
    """Several lists of scores of the same passages made one: ordered by mean rank, on the scale they came in.

    Equal scores share their mean rank. The passage at each place of the merged order gets the mean of the
    scores at that place, so that absolute scores stay comparable between groups. Repeats without an answer are left
    out.

    Args:
        copies: One list per repeat, all of the same length.
    """
    size = len(copies[0])
    copies = [copy for copy in copies if UNREAD not in copy] or copies[:1]
    ranks = [sum(column) for column in zip(*map(_ranks, copies), strict=True)]
    places = [sum(column) / len(copies) for column in zip(*(sorted(one, reverse=True) for one in copies), strict=True)]
    scores = [0.0] * size
    for place, index in enumerate(descending([-rank for rank in ranks])):
        scores[index] = places[place]
    return scores


def _shuffles(size: int, permutations: int, chance: random.Random) -> list[Group]:
    given = tuple(range(size))
    if size < 2:
        return [given]
    return [given, *(tuple(chance.sample(given, size)) for _ in range(permutations - 1))]


def _unshuffled(scores: Sequence[float], shuffle: Group) -> list[float]:
    """Scores in shuffled order, put back into the group's order."""
    restored = [0.0] * len(shuffle)
    for place, score in zip(shuffle, scores, strict=True):
        restored[place] = score
    return restored


def _ranks(scores: Sequence[float]) -> list[float]:
    """Ranks from 0; equal scores share the mean of theirs."""
    order = descending(scores)
    ranks = [0.0] * len(order)
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and scores[order[end]] == scores[order[start]]:
            end += 1
        for index in order[start:end]:
            ranks[index] = (start + end - 1) / 2
        start = end
    return ranks
