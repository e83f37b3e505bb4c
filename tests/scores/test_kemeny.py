"""Kemeny's rule: no other order contradicts the lists in fewer pairs, and long lists come close to it."""

import itertools
import math
import random

import pytest

from swaprank.scores import kemeny as module
from swaprank.scores.fusion_rules import RULES, fuse
from swaprank.scores.kemeny import kemeny
from swaprank.scores.ranks import descending


def contradictions(order, lists, weights) -> float:
    """What an order costs, pair by pair, straight from the definition."""
    cost = 0.0
    for scores, weight in zip(lists, weights, strict=True):
        for before, after in itertools.combinations(order, 2):
            a, b = scores[before], scores[after]
            a, b = (None if a is not None and math.isnan(a) else a), (None if b is not None and math.isnan(b) else b)
            cost += weight * ((a is None and b is not None) or (a is not None and b is not None and b > a))
    return cost


def random_lists(chance, count, candidates):
    values = [None, math.nan, -math.inf, *range(candidates)]
    return [[chance.choice(values) for _ in range(candidates)] for _ in range(count)]


@pytest.mark.parametrize("seed", range(30))
def test_short_lists_get_an_order_that_nothing_beats(seed) -> None:
    chance = random.Random(seed)
    lists = random_lists(chance, chance.randint(1, 5), 6)
    weights = [chance.choice([0.5, 1.0, 2.0, -1.0]) for _ in lists]
    order = descending(kemeny(lists, weights))
    best = min(contradictions(each, lists, weights) for each in itertools.permutations(range(6)))
    assert contradictions(order, lists, weights) == pytest.approx(best)


def test_local_search_is_as_good_as_exact_or_nearly(monkeypatch) -> None:
    found = []
    for seed in range(20):
        chance = random.Random(seed)
        lists = [chance.sample(range(9), 9) for _ in range(5)]
        exact = contradictions(descending(kemeny(lists, [1.0] * 5)), lists, [1.0] * 5)
        monkeypatch.setattr(module, "EXACT", 0)
        near = contradictions(descending(kemeny(lists, [1.0] * 5)), lists, [1.0] * 5)
        borda = contradictions(descending(fuse(RULES["borda"], lists, [1.0] * 5)), lists, [1.0] * 5)
        monkeypatch.setattr(module, "EXACT", 12)
        assert exact <= near <= borda
        found.append(near - exact)
    assert sum(found) <= 4


def test_long_lists_end_and_agreeing_lists_are_taken_over() -> None:
    chance = random.Random(0)
    scores = [chance.random() for _ in range(150)]
    assert descending(kemeny([scores, scores], [1.0, 1.0])) == descending(scores)
    lists = [chance.sample(range(150), 150) for _ in range(4)]
    assert sorted(kemeny(lists, [1.0] * 4)) == [(place + 1) / 150 for place in range(150)]


def test_the_condorcet_winner_comes_first_where_borda_puts_another() -> None:
    lists = [[3, 2, 1], [3, 2, 1], [3, 2, 1], [1, 3, 2], [1, 3, 2]]
    assert descending(kemeny(lists, [1.0] * 5)) == [0, 1, 2]
    assert descending(fuse(RULES["borda"], lists, [1.0] * 5))[0] == 1


def test_borda_counts_places() -> None:
    assert fuse(RULES["borda"], [[9, 5, 1], [1, 9, 5]], [1.0, 1.0]) == pytest.approx([4 / 3, 5 / 3, 1.0])
