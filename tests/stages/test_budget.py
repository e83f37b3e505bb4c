"""A budget is kept within one batch, by what the model was learnt to cost, and what it left out is said. No wall time."""

import asyncio
import time
from types import SimpleNamespace

import pytest

from swaprank import BackendError, ConfigError, Passage, Query, Reranker
from swaprank.flow import drivers
from swaprank.requests import Capability, PairScore, PairScored, Usage
from swaprank.stages import budget, retry_policy
from swaprank.stages.budget import Cost
from swaprank.stages.fusion.fusion import Fusion
from swaprank.stages.fusion.options import FusionOptions
from swaprank.testing import ScriptedBackend

PER_PASSAGE = 0.01
PASSAGES = [Passage(f"passage number {place:03d}", score=-float(place)) for place in range(100)]


class Clock:
    """Time that passes where somebody says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    fake = SimpleNamespace(perf_counter=clock, monotonic=clock)
    monkeypatch.setattr(drivers, "time", fake)
    monkeypatch.setattr(budget, "time", fake)
    return clock


class Model(ScriptedBackend):
    """Takes a second to load, and then as long for each passage as it costs; later passages are better."""

    def __init__(self, clock: Clock, per_passage: float = PER_PASSAGE, overhead: float = 0.0) -> None:
        super().__init__(self._score, capabilities={Capability.PAIR_SCORE})
        self.clock, self.per_passage, self.overhead, self.fails = clock, per_passage, overhead, 0

    def run(self, requests):
        if self.fails:
            self.fails -= 1
            self.clock.now += 0.2
            raise BackendError("busy", retryable=True)
        self.clock.now += (0.0 if self.batches else 1.0) + self.overhead + self.per_passage * len(requests)
        return super().run(requests)

    def _score(self, request: PairScore) -> PairScored:
        last = request.passage.split()[-1]
        score = float(last) if last.isdigit() else -1.0
        return PairScored(score, "identity", score, Usage(len(request.passage) // 4))


def reranker(backend, seconds=0.3, **options) -> Reranker:
    return Reranker(method="cross-encoder", model="m", backend=backend, budget={"seconds": seconds}, **options)


def warm(backend) -> None:
    """As after the first call: loaded, and its speed known."""
    reranker(backend).rerank("q", PASSAGES)


def test_the_first_call_does_not_count_loading(clock) -> None:
    backend = Model(clock)
    ranking = reranker(backend).rerank("q", PASSAGES)
    scored = len(PASSAGES) - len(ranking.unscored)
    assert 28 <= scored <= 32
    assert backend.batches[0] == 1


@pytest.mark.parametrize("overhead", [0.0, 0.02])
def test_a_warm_model_stays_within_the_budget(clock, overhead) -> None:
    backend = Model(clock, overhead=overhead)
    for _ in range(3):
        before = clock.now
        ranking = reranker(backend).rerank("q", PASSAGES)
    assert clock.now - before <= 0.3 + 1e-9
    assert clock.now - before >= 0.2
    assert len(backend.batches) < 20
    scored = len(PASSAGES) - len(ranking.unscored)
    assert ranking.order == [*reversed(range(scored)), *range(scored, 100)]
    assert ranking.unscored == list(range(scored, 100))
    along = [ranked.score for ranked in ranking.passages]
    assert along == sorted(along, reverse=True)


def test_what_fits_is_one_batch(clock) -> None:
    backend = Model(clock)
    warm(backend)
    backend.batches.clear()
    backend.batches.append(0)
    ranking = reranker(backend, seconds=5).rerank("q", PASSAGES)
    assert ranking.unscored == [] and backend.batches == [0, 100]


def test_a_model_that_turns_slow_costs_one_batch(clock) -> None:
    backend = Model(clock)
    warm(backend)
    backend.per_passage *= 10
    before = clock.now
    sizes = len(backend.batches)
    reranker(backend).rerank("q", PASSAGES)
    assert clock.now - before - 0.3 <= 10 * PER_PASSAGE * max(backend.batches[sizes:])
    before = clock.now
    reranker(backend).rerank("q", PASSAGES)
    assert clock.now - before <= 0.3 + 10 * PER_PASSAGE * 3


def test_something_is_always_scored(clock) -> None:
    backend = Model(clock)
    warm(backend)
    assert len(reranker(backend, seconds=1e-9).rerank("q", PASSAGES).unscored) == 99


def test_async_is_the_same(clock) -> None:
    backend = Model(clock)
    warm(backend)
    before = clock.now
    ranking = asyncio.run(reranker(backend).arerank("q", PASSAGES))
    assert clock.now - before <= 0.3 + 1e-9 and 0 < len(ranking.unscored) < 100


def test_each_of_many_queries_has_its_budget_in_shared_batches(clock) -> None:
    backend = Model(clock)
    warm(backend)
    first = len(backend.batches)
    before = clock.now
    rankings = reranker(backend).rerank_many(["q1", "q2", "q3"], [PASSAGES] * 3)
    assert clock.now - before <= 3 * 0.3 + 1e-9
    assert [len(ranking.unscored) for ranking in rankings] == [len(rankings[0].unscored)] * 3
    assert 60 < len(rankings[0].unscored) < 80
    assert max(backend.batches[first:]) >= 3 * 10


def test_time_lost_to_failures_counts(clock, monkeypatch) -> None:
    backend = Model(clock)
    warm(backend)
    scheduler_time = SimpleNamespace(monotonic=clock)
    monkeypatch.setattr(retry_policy, "time", scheduler_time)
    monkeypatch.setattr(retry_policy, "_FIRST_PAUSE", 0.0)
    backend.fails = 1
    before = clock.now
    ranking = reranker(backend, retries=1).rerank("q", PASSAGES)
    assert [failure.action for failure in ranking.failures] == ["retry"]
    # 0.2 of the 0.3 seconds were lost to the failure.
    assert clock.now - before <= 0.2 + 0.3 * 0.8 + 1e-9
    assert len(ranking.unscored) > 70


def test_long_passages_go_with_it(clock) -> None:
    backend = Model(clock)
    long = [Passage("tea is good to drink. " * 60 + f"end {place}") for place in range(20)]
    for _ in range(2):
        before = clock.now
        ranking = reranker(backend, long_passages={"split": 60}).rerank("q", long)
    assert clock.now - before <= 0.3 + 1e-9 and 0 < len(ranking.unscored) < 20
    assert ranking.passages[0].highlights and ranking.passages[0].score == 20 - len(ranking.unscored) - 1


def test_fusion_takes_what_was_not_scored_as_missing(clock) -> None:
    backend = Model(clock)
    warm(backend)
    [unscored] = [reranker(backend).rerank("q", PASSAGES).unscored]
    options = FusionOptions.model_validate({"fusion": "rrf", "of": ["retrieval", "bm25"]})
    both = Fusion(options=options, inputs=("retrieval", reranker(backend)._stage))
    [fused] = drivers.drive([both.flow(Query("q"), PASSAGES, None)])
    assert 0 < len(unscored) < len(PASSAGES)
    for place in range(len(PASSAGES)):
        from_retrieval_alone = 1 / (options.k + place + 1)
        assert (fused.scores[place] == pytest.approx(from_retrieval_alone)) == (place in unscored)


def test_the_cost_is_learnt_and_newer_batches_count_more() -> None:
    cost = Cost()
    assert not cost.known
    for characters in (400, 800, 1600):
        cost.learn(characters, characters // 4, 0.05 + characters / 4 * 1e-3)
    assert cost.seconds(4000) == pytest.approx(1.05, rel=0.01)
    for _ in range(12):
        cost.learn(400, 0, 4.0)
    assert cost.seconds(400) > 2


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"method": "rankgpt", "model": "m", "budget": {"seconds": 1}}, "is listwise"),
        ({"method": "setwise", "model": "m", "budget": {"seconds": 1}}, "is setwise"),
        ({"method": "static-embedding", "weighting": "idf", "budget": {"seconds": 1}}, "depend on which"),
        ({"method": "cross-encoder", "model": "m", "budget": {"seconds": 0}}, "greater than 0"),
        ({"method": "cross-encoder", "model": "m", "budget": {}}, "seconds"),
        ({"stages": ["bm25"], "budget": {"seconds": 1}}, "beside the slow method"),
    ],
)
def test_what_cannot_stop_half_way_is_refused(config, message) -> None:
    with pytest.raises(ConfigError, match=message):
        Reranker(config)


def test_a_real_clock_is_not_needed() -> None:
    assert budget.time is time
