"""Permutation self-consistency."""

import random

import pytest

from swaprank.stages.consistency import merged
from swaprank.strategies.all_at_once import AllAtOnce
from swaprank.strategies.heap_sort import HeapSort
from swaprank.strategies.sliding_window import SlidingWindow
from swaprank.strategy import UNREAD
from tests.strategies.play import outcome, play


def test_copies_are_merged_by_mean_rank_on_their_own_scale() -> None:
    assert merged([[3.0, 2.0, 1.0], [3.0, 1.0, 2.0], [1.0, 3.0, 2.0]]) == [3.0, 2.0, 1.0]
    assert merged([[0.9, 0.1], [0.1, 0.5], [0.2, 0.4]]) == pytest.approx([(0.1 + 0.1 + 0.2) / 3, (0.9 + 0.5 + 0.4) / 3])
    assert merged([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0]]) == [0.0, 1.0, 0.0]
    assert merged([[2.0, 2.0]]) == [2.0, 2.0]


def test_one_round_holds_all_copies_and_the_first_is_as_given() -> None:
    _, [groups] = outcome(AllAtOnce(permutations=4, seed=1), 6, lambda group: [0.0] * 6)
    assert len(groups) == 4
    assert groups[0] == (0, 1, 2, 3, 4, 5)
    assert all(sorted(group) == [0, 1, 2, 3, 4, 5] for group in groups)
    assert len(set(groups)) == 4
    again = outcome(AllAtOnce(permutations=4, seed=1), 6, lambda group: [0.0] * 6)[1]
    other = outcome(AllAtOnce(permutations=4, seed=2), 6, lambda group: [0.0] * 6)[1]
    assert again == [groups] != other


def test_a_group_of_one_is_asked_once() -> None:
    assert outcome(AllAtOnce(permutations=5), 1, lambda group: [0.0])[1] == [[(0,)]]


@pytest.mark.parametrize("strategy", [SlidingWindow(window_size=6, step=3), HeapSort(num_child=3, k=10)])
def test_a_position_bias_is_averaged_out(strategy) -> None:
    """A judge that puts what it is shown last first, now and then, is put right by the majority."""
    truth = random.Random(1).sample(range(12), 12)
    place = {index: rank for rank, index in enumerate(truth)}

    def errors(permutations: int) -> int:
        chance = random.Random(5)

        def judge(group):
            scores = [-float(place[index]) for index in group]
            if chance.random() < 0.3:
                scores[-1] = 1.0
            return scores

        wrong = 0
        for seed in range(20):
            order, _ = play(strategy.model_copy(update={"permutations": permutations, "seed": seed}), 12, judge)
            wrong += order[:3] != truth[:3]
        return wrong

    assert errors(9) < errors(1) / 2


def test_a_copy_that_was_not_answered_has_no_vote() -> None:
    unread = [UNREAD] * 3
    assert merged([[3.0, 2.0, 1.0], unread, [3.0, 1.0, 2.0]]) == merged([[3.0, 2.0, 1.0], [3.0, 1.0, 2.0]])
    assert merged([unread, unread]) == unread
