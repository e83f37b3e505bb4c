"""What every strategy owes: a permutation for any answers, the true order for true answers, independent groups."""

import itertools
import random

import pytest
from pydantic import ValidationError

from swaprank.config import registry
from swaprank.strategies.all_pairs import AllPairs
from swaprank.strategies.bubble_sort import BubbleSort
from swaprank.strategies.groups import Groups
from swaprank.strategies.heap_sort import HeapSort
from swaprank.strategies.sliding_window import SlidingWindow
from swaprank.strategies.top_down import TopDown
from swaprank.strategies.tournament import Tournament
from swaprank.strategy import UNREAD
from tests.strategies.play import outcome, play

SIZES = [1, 2, 3, 4, 5, 7, 11, 19, 20, 21, 30, 41, 100]


def ranked(n: int, seed: int):
    """A hidden order, and a judge that knows it."""
    truth = random.Random(seed).sample(range(n), n)
    place = {index: rank for rank, index in enumerate(truth)}
    return truth, lambda group: [-float(place[index]) for index in group]


@pytest.mark.parametrize("name", registry.names("strategy"))
@pytest.mark.parametrize("permutations", [1, 3])
def test_any_answers_give_a_permutation(name, permutations) -> None:
    strategy = registry.strategy(name)(permutations=permutations)
    chance = random.Random(7)
    for n in SIZES:
        end, rounds = outcome(strategy, n, lambda group: [chance.choice([0.0, 0.5, chance.random()]) for _ in group])
        assert sorted(end.order) == list(range(n))
        for groups in rounds:
            assert all(len(set(group)) == len(group) > 0 for group in groups)
            assert all(0 <= index < n for group in groups for index in group)
        if end.scores is not None:
            along = [end.scores[index] for index in end.order]
            assert along == sorted(along, reverse=True)


@pytest.mark.parametrize("name", registry.names("strategy"))
def test_one_passage_needs_no_comparison(name) -> None:
    end, rounds = outcome(registry.strategy(name)(), 1, lambda group: [0.3] * len(group))
    assert list(end.order) == [0]
    assert all(len(group) == 1 for groups in rounds for group in groups)


@pytest.mark.parametrize("permutations", [1, 2])
@pytest.mark.parametrize("n", SIZES)
def test_true_answers_give_the_true_top(n, permutations) -> None:
    truth, judge = ranked(n, n)
    k = min(n, 5)
    for strategy in (
        HeapSort(num_child=3, k=5),
        HeapSort(num_child=2, set_size=2, k=5),
        BubbleSort(num_child=3, k=5),
        BubbleSort(num_child=1, k=5),
        TopDown(window_size=12),
        Tournament(group_size=12, advance=6),
        SlidingWindow(window_size=10, step=5),
    ):
        order, _ = play(strategy.model_copy(update={"permutations": permutations}), n, judge)
        assert order[:k] == truth[:k], strategy


@pytest.mark.parametrize("name", ["all-at-once", "one-by-one", "all-pairs", "groups"])
def test_absolute_answers_give_the_true_order(name) -> None:
    truth, judge = ranked(23, 1)
    if name == "all-pairs":
        order, _ = play(
            registry.strategy(name)(),
            23,
            lambda pair: [float(judge(pair)[0] > judge(pair)[1]), float(judge(pair)[1] > judge(pair)[0])],
        )
    else:
        order, _ = play(registry.strategy(name)(), 23, judge)
    assert order == truth


def official_bubble_calls(n: int, children: int, k: int, place: dict[int, int]) -> tuple[list[int], int]:
    """The order and the calls of a bubble sort that skips unchanged tails, as llm-rankers does it."""
    order, calls, last = list(range(n)), 0, n - children - 1
    for top in range(k):
        start, changed = last, False
        while True:
            end, start = start + children + 1, max(start, top)
            shown = order[start:end]
            calls += 1
            pick = min(range(len(shown)), key=lambda one: place[shown[one]]) if shown else 0
            if pick:
                order[start], order[start + pick] = order[start + pick], order[start]
                if not changed and last != n - children - 1 and pick == len(shown) - 1:
                    last += len(shown) - 1
                changed = True
            if start == top:
                break
            if not changed:
                last -= children
            start = end - 2 * children - 1
    return order[:k], calls


def test_bubble_sort_asks_less_and_misses_nothing() -> None:
    """Over many lists: fewer calls in sum, and the true top k also where the skipping loses one."""
    chance, ours, official, missed = random.Random(3), 0, 0, 0
    for _ in range(300):
        n, children = chance.choice([5, 8, 12, 20, 50]), chance.choice([2, 3, 4, 9, 19])
        k = min(n, chance.choice([3, 5, 10]))
        truth, judge = ranked(n, chance.randrange(10**6))
        order, rounds = play(BubbleSort(num_child=children, k=k), n, judge)
        found, calls = official_bubble_calls(n, children, k, {index: rank for rank, index in enumerate(truth)})
        assert order[:k] == truth[:k]
        ours, official, missed = ours + len(rounds), official + calls, missed + (found != truth[:k])
    assert ours < 0.9 * official
    assert missed > 0


def test_the_levels_of_a_heap_are_asked_about_together() -> None:
    _, judge = ranked(40, 5)
    _, rounds = play(HeapSort(num_child=3, k=1), 40, judge)
    assert len(rounds[0]) == 9
    assert all(not set(one) & set(other) for groups in rounds for one, other in itertools.combinations(groups, 2))


def test_windows_reach_both_ends_of_their_range() -> None:
    assert list(SlidingWindow(window_size=10, step=10).windows(15)) == [(5, 15), (0, 5)]
    assert list(SlidingWindow(window_size=4, step=2).windows(3)) == [(0, 3)]
    assert list(SlidingWindow(window_size=4, step=2, direction="down").windows(7)) == [(0, 4), (2, 6), (4, 7)]
    assert list(SlidingWindow(window_size=4, step=2, rank_start=3, rank_end=9).windows(20)) == [(5, 9), (3, 7)]
    assert list(SlidingWindow(window_size=2, step=2).windows(1)) == []
    assert list(SlidingWindow(window_size=4, step=4).windows(5)) == [(1, 5)]


def test_what_lies_outside_the_range_stays() -> None:
    _, judge = ranked(20, 2)
    order, _ = play(SlidingWindow(window_size=4, step=2, rank_start=5, rank_end=12), 20, judge)
    assert order[:5] == list(range(5)) and order[12:] == list(range(12, 20))


def test_sweeps_stop_when_nothing_changes() -> None:
    _, rounds = play(SlidingWindow(window_size=4, step=2, num_repeat=10), 10, lambda group: [-float(i) for i in group])
    assert len(rounds) == 4
    truth, judge = ranked(30, 9)
    order, rounds = play(SlidingWindow(window_size=4, step=2, num_repeat=30), 30, judge)
    assert order == truth
    assert len(rounds) < 30 * 14


def test_one_window_keeps_the_scores_of_the_method() -> None:
    _, judge = ranked(8, 4)
    for strategy in (SlidingWindow(), Tournament(), TopDown()):
        end, rounds = outcome(strategy, 8, judge)
        assert len(rounds) == 1
        assert end.scores == judge(tuple(range(8)))
        assert outcome(strategy, 50, ranked(50, 4)[1])[0].scores is None


def test_tournament_groups_are_even_and_parallel() -> None:
    _, rounds = play(Tournament(group_size=20, advance=10), 100, ranked(100, 1)[1])
    assert [len(groups) for groups in rounds] == [5, 3, 2, 1]
    assert {len(group) for group in rounds[0]} == {20}
    assert rounds[0][0][:3] == (0, 5, 10)


def test_top_down_asks_less_than_a_sliding_window() -> None:
    _, judge = ranked(100, 1)
    _, rounds = play(TopDown(window_size=20), 100, judge)
    _, sliding = play(SlidingWindow(), 100, judge)
    assert len(rounds) < len(sliding)
    assert all(group[0] == rounds[1][0][0] for group in rounds[1])


def test_groups_are_averaged_over_rounds_and_overlaps() -> None:
    end, [groups] = outcome(
        Groups(group_size=4, interval=2), 6, lambda group: [float(index == group[0]) for index in group]
    )
    assert groups == [(0, 1, 2, 3), (2, 3, 4, 5), (4, 5)]
    assert end.scores == [1.0, 0.0, 0.5, 0.0, 0.5, 0.0]
    _, [shuffled] = play(Groups(group_size=4, num_rounds=2, seed=666), 12, ranked(12, 1)[1])
    assert [len(group) for group in shuffled] == [4] * 6
    assert sorted(index for group in shuffled[:3] for index in group) == list(range(12))
    assert shuffled[:3] != shuffled[3:] != [(0, 1, 2, 3), (4, 5, 6, 7), (8, 9, 10, 11)]
    assert play(Groups(group_size=4, num_rounds=2, seed=666), 12, ranked(12, 1)[1])[1] == [shuffled]


@pytest.mark.parametrize(
    ("name", "options", "complaint"),
    [
        ("sliding-window", {"window_size": 5, "step": 6}, "skips passages"),
        ("sliding-window", {"rank_start": 5, "rank_end": 5}, "leaves nothing"),
        ("tournament", {"group_size": 5, "advance": 5}, "lets everyone"),
        ("groups", {"group_size": 5, "interval": 6}, "skips passages"),
        ("groups", {"num_rounds": 2}, "without a seed"),
        ("top-down", {"window_size": 5, "pivot": 5}, "not inside"),
    ],
)
def test_impossible_options_are_refused(name, options, complaint) -> None:
    with pytest.raises(ValidationError, match=complaint):
        registry.strategy(name)(**options)


def test_what_was_not_answered_is_no_answer() -> None:
    """It moves no passage, and takes no score that another group gave."""
    truth, judge = ranked(6, 2)
    second = truth[1]
    order, _ = play(AllPairs(), 6, lambda pair: [UNREAD] * 2 if pair == tuple(sorted(truth[:2])) else win(judge(pair)))
    assert set(order[:2]) == set(truth[:2])
    end, [groups] = outcome(
        Groups(group_size=3, num_rounds=2, seed=1), 6, lambda group: [UNREAD] * 3 if second in group else judge(group)
    )
    assert {index for index in range(6) if end.scores[index] == UNREAD} == set.intersection(
        *({index for group in groups[half : half + 2] if second in group for index in group} for half in (0, 2))
    )


def win(scores) -> list[float]:
    return [1.0, 0.0] if scores[0] > scores[1] else [0.0, 1.0]
