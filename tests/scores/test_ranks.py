"""Orders become scores and scores orders, with ties in the given order."""

import math

from swaprank.scores.ranks import behind, best, descending, rank_scores, unread_behind


def test_equal_scores_keep_the_given_order() -> None:
    assert descending([1.0, 3.0, 1.0, 3.0]) == [1, 3, 0, 2]
    assert best([1.0, 3.0, 3.0]) == 1
    assert descending([]) == []


def test_a_bare_order_gets_reciprocal_ranks() -> None:
    assert rank_scores([2, 0, 1]) == [1 / 2, 1 / 3, 1.0]


def test_what_comes_behind_falls_by_one_for_each_rank() -> None:
    assert behind(5.0, [3, 1]) == {3: 4.0, 1: 3.0}
    assert unread_behind([-math.inf, 2.0, -math.inf, 7.0], [3, 2, 1, 0]) == [0.0, 2.0, 1.0, 7.0]
    assert unread_behind([-math.inf, -math.inf], [1, 0]) == [-2.0, -1.0]
