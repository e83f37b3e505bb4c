"""Several queries at a time: windows and pairs share batches, and nobody waits for another's rounds."""

import asyncio

import pytest

from swaprank import Reranker
from swaprank.requests import Generated, LabelScores
from swaprank.testing import ScriptedBackend
from tests.methods.recorded import by_length


def longest(request):
    shown = [part.text for part in request.prompt.messages[0].content if not isinstance(part, str)][1:]
    return Generated("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[by_length(shown)[0]])


def lists(*sizes: int) -> list[list[str]]:
    return [["x" * (7 * place % size + 1) for place in range(size)] for size in sizes]


def alone(config: dict, passages, answer) -> int:
    backend = ScriptedBackend(answer)
    Reranker(config, backend=backend).rerank("query", passages)
    return len(backend.batches)


@pytest.mark.parametrize("strategy", ["heap-sort", "bubble-sort"])
def test_a_short_sort_does_not_wait_for_a_long_one(strategy) -> None:
    config = {"method": "setwise", "model": "scripted", "strategy": strategy}
    given = lists(4, 30, 9, 17)
    rounds = [alone(config, passages, longest) for passages in given]
    backend = ScriptedBackend(longest)
    rankings = Reranker(config, backend=backend).rerank_many(["query"] * 4, given)
    assert len(backend.batches) == max(rounds)
    for passages, ranking in zip(given, rankings, strict=True):
        assert ranking.order == Reranker(config, backend=ScriptedBackend(longest)).rerank("query", passages).order


def test_the_windows_of_all_queries_travel_together() -> None:
    config = {"method": "rankgpt", "model": "scripted"}
    for many in (Reranker.rerank_many, lambda *given: asyncio.run(Reranker.arerank_many(*given))):
        backend = ScriptedBackend(lambda request: Generated("[2] > [1]"))
        many(Reranker(config, backend=backend), [f"query {place}" for place in range(8)], lists(*[40] * 8))
        assert backend.batches == [8, 8, 8]


def test_pairs_groups_and_partitions_travel_together() -> None:
    for options, batches in (
        ({"method": "pairwise", "strategy": "all-pairs"}, [2 * 2 * 45]),
        ({"method": "grouprank", "group_size": 5}, [4]),
        ({"method": "rankgpt", "strategy": "tournament", "group_size": 5, "advance": 2}, [4, 2]),
        ({"method": "rankgpt", "strategy": "top-down", "window_size": 5, "pivot": 1}, [2, 4]),
        ({"method": "rankgpt", "permutations": 3}, [6]),
    ):
        backend = ScriptedBackend(
            lambda request: LabelScores((0.0, -1.0)) if hasattr(request, "labels") else Generated("")
        )
        Reranker({"model": "scripted", **options}, backend=backend).rerank_many(["a", "b"], lists(10, 10))
        assert backend.batches == batches, options
