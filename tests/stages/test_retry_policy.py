"""Failure policy: timeout, retries, partial results; every bridged failure is in the ranking."""

import asyncio
import threading
import time

import pytest

from swaprank import Reranker
from swaprank.errors import BackendError, BackendTimeoutError, ConfigError, PromptTooLongError, ResponseError
from swaprank.requests import Generate, Generated, PairScore, PairScored
from swaprank.stages import retry_policy
from swaprank.testing import ScriptedBackend

TEXTS = [f"passage {number}" for number in range(6)]


def score(request: PairScore) -> PairScored:
    logit = float(request.passage.split()[-1])
    return PairScored(logit=logit, activation="identity", activated=logit)


def cross_encoder(backend, **options) -> Reranker:
    return Reranker({"method": "cross-encoder", "model": "any", **options}, backend=backend)


class Flaky(ScriptedBackend):
    """Fails the first calls."""

    def __init__(self, failures: int, *, retryable: bool = True) -> None:
        super().__init__(score)
        self.failures, self.retryable, self.calls = failures, retryable, 0

    def run(self, requests):
        self.calls += 1
        if self.calls <= self.failures:
            raise BackendError("server busy", retryable=self.retryable)
        return super().run(requests)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch) -> None:
    monkeypatch.setattr(retry_policy, "_FIRST_PAUSE", 0.01)


def rerank(reranker: Reranker, how: str):
    return asyncio.run(reranker.arerank("q", TEXTS)) if how == "async" else reranker.rerank("q", TEXTS)


@pytest.mark.parametrize("how", ["sync", "async"])
class TestRetries:
    def test_a_failure_that_passes_costs_nothing_but_is_told(self, how) -> None:
        backend = Flaky(2)
        ranking = rerank(cross_encoder(backend, retries=2), how)
        assert ranking.order == [5, 4, 3, 2, 1, 0]
        assert [(one.error, one.action) for one in ranking.failures] == [("server busy", "retry")] * 2
        assert backend.calls == 3

    def test_one_that_stays_is_raised(self, how) -> None:
        backend = Flaky(9)
        with pytest.raises(BackendError, match="server busy"):
            rerank(cross_encoder(backend, retries=3), how)
        assert backend.calls == 4

    def test_one_that_cannot_pass_is_not_asked_again(self, how) -> None:
        backend = Flaky(1, retryable=False)
        with pytest.raises(BackendError, match="server busy"):
            rerank(cross_encoder(backend, retries=3), how)
        assert backend.calls == 1

    def test_pauses_grow(self, how, monkeypatch) -> None:
        moments = []

        class Timed(Flaky):
            def run(self, requests):
                moments.append(time.monotonic())
                return super().run(requests)

        rerank(cross_encoder(Timed(2), retries=2), how)
        assert moments[1] - moments[0] >= 0.01
        assert moments[2] - moments[1] >= 0.02

    def test_only_the_question_that_failed_is_asked_again(self, how) -> None:
        class Picky(ScriptedBackend):
            refused = False

            def run(self, requests):
                if self.refused:
                    return super().run(requests)
                self.refused = True
                return [
                    BackendError("busy", retryable=True) if place == 1 else response
                    for place, response in enumerate(super().run(requests))
                ]

        backend = Picky(score)
        config = {"method": "cross-encoder", "model": "any", "strategy": "one-by-one", "retries": 1}
        assert rerank(Reranker(config, backend=backend), how).order == [5, 4, 3, 2, 1, 0]
        assert backend.batches == [6, 1]


@pytest.mark.parametrize("how", ["sync", "async"])
class TestTimeout:
    def hanging(self) -> ScriptedBackend:
        class Hanging(ScriptedBackend):
            release = threading.Event()

            def run(self, requests):
                self.release.wait(60)
                return super().run(requests)

            async def arun(self, requests):
                await asyncio.sleep(60)
                return []

        return Hanging(score)

    def test_raises(self, how) -> None:
        backend = self.hanging()
        with pytest.raises(BackendTimeoutError, match="did not answer within the timeout"):
            rerank(cross_encoder(backend, timeout=0.05, retries=5), how)
        backend.release.set()

    def test_keep_order_gives_every_passage_back(self, how) -> None:
        backend = self.hanging()
        ranking = rerank(cross_encoder(backend, timeout=0.05, on_error="keep_order"), how)
        backend.release.set()
        assert ranking.order == list(range(6))
        [failure] = ranking.failures
        assert failure.action == "keep_order"
        assert "within the timeout" in failure.error

    def test_the_fallback_has_time_of_its_own(self, how) -> None:
        backend = self.hanging()
        ranking = rerank(cross_encoder(backend, timeout=1.0, on_error={"fallback": "bm25"}), how)
        backend.release.set()
        assert ranking.failures[0].action == "fallback"
        assert {call.method for call in ranking.calls} == {"bm25"}


class TestPartial:
    def test_passages_that_could_not_be_scored_come_behind_those_that_could(self) -> None:
        def some(request):
            return ResponseError("NaN") if request.passage in ("passage 5", "passage 2") else score(request)

        ranking = cross_encoder(ScriptedBackend(some), on_error="keep_order").rerank("q", TEXTS)
        assert ranking.order == [4, 3, 1, 0, 2, 5]
        assert ranking.scores == [0.0, 1.0, -1.0, 3.0, 4.0, -2.0]
        assert [(one.error, one.action) for one in ranking.failures] == [("NaN", "partial")]

    def test_scores_that_are_no_numbers_are_left_out(self) -> None:
        def some(request):
            return PairScored(float("nan"), "identity", float("nan")) if request.passage == TEXTS[3] else score(request)

        ranking = cross_encoder(ScriptedBackend(some), on_error="keep_order").rerank("q", TEXTS)
        assert ranking.order == [5, 4, 2, 1, 0, 3]
        assert "scored the passage 'passage 3' as nan" in ranking.failures[0].error

    def test_a_whole_batch_still_goes_in_one_call(self) -> None:
        backend = ScriptedBackend(score)
        ranking = cross_encoder(backend, on_error="keep_order").rerank("q", TEXTS)
        assert backend.batches == [6]
        assert [call.requests for call in ranking.calls] == [6]
        assert ranking.order == [5, 4, 3, 2, 1, 0]

    @pytest.mark.parametrize("policy", ["raise", {"fallback": "bm25"}])
    def test_other_policies_want_all_or_nothing(self, policy) -> None:
        def some(request):
            return ResponseError("NaN") if request.passage == "passage 5" else score(request)

        reranker = cross_encoder(ScriptedBackend(some), on_error=policy)
        if policy == "raise":
            with pytest.raises(ResponseError, match="NaN"):
                reranker.rerank("q", TEXTS)
        else:
            assert [failure.action for failure in reranker.rerank("q", TEXTS).failures] == ["fallback"]

    def windows(self, error: BackendError, fail_at: int) -> tuple[ScriptedBackend, Reranker]:
        """RankGPT in windows of 2 that turns every window around; one of them fails."""
        calls = 0

        def reverse(request: Generate):
            nonlocal calls
            calls += 1
            return error if calls == fail_at else Generated("[2] > [1]")

        backend = ScriptedBackend(reverse)
        config = {"method": "rankgpt", "model": "any", "window_size": 2, "step": 1, "on_error": "keep_order"}
        return backend, Reranker(config, backend=backend)

    def test_a_window_that_fails_keeps_its_order_and_the_next_ones_are_asked(self) -> None:
        backend, reranker = self.windows(ResponseError("odd"), fail_at=2)
        ranking = reranker.rerank("q", TEXTS)
        assert sorted(ranking.order) == list(range(6))
        assert len(backend.requests) == 5
        # The last passage rises one window, stays where the second failed, and the one above it rises on.
        assert ranking.order == [3, 0, 1, 2, 5, 4]
        assert [failure.action for failure in ranking.failures] == ["partial"]

    def test_a_server_that_is_gone_is_not_asked_again(self) -> None:
        backend, reranker = self.windows(BackendError("connection refused", retryable=True), fail_at=3)
        ranking = reranker.rerank("q", TEXTS)
        assert len(backend.requests) == 3
        assert ranking.order == [0, 1, 2, 5, 3, 4]
        assert [failure.error for failure in ranking.failures] == ["connection refused"]

    def test_nothing_answered_is_the_given_order(self) -> None:
        _, reranker = self.windows(BackendError("down", retryable=True), fail_at=1)
        ranking = reranker.rerank("q", TEXTS)
        assert ranking.order == list(range(6))
        assert [failure.action for failure in ranking.failures] == ["keep_order"]

    def test_a_group_that_fails_is_behind_those_that_were_scored(self) -> None:
        def some(request: Generate):
            text = "".join(str(part) for part in request.prompt.messages[1].content)
            return ResponseError("odd") if "passage 2" in text else Generated('{"[1]": 3, "[2]": 7}')

        config = {"method": "grouprank", "model": "any", "group_size": 2, "on_error": "keep_order"}
        ranking = Reranker(config, backend=ScriptedBackend(some)).rerank("q", TEXTS)
        assert ranking.order == [1, 5, 0, 4, 2, 3]
        assert ranking.scores == pytest.approx([0.3, 0.7, -0.7, -1.7, 0.3, 0.7])
        assert [failure.action for failure in ranking.failures] == ["partial"]

    def test_a_group_scored_in_one_of_its_rounds_keeps_that_score(self) -> None:
        replies = iter([Generated('{"[1]": 3, "[2]": 7}'), ResponseError("odd")])
        config = {"method": "grouprank", "model": "any", "num_rounds": 2, "seed": 1, "on_error": "keep_order"}
        ranking = Reranker(config, backend=ScriptedBackend(lambda request: next(replies))).rerank("q", ["a", "b"])
        assert sorted(ranking.scores) == [0.3, 0.7]

    def test_a_shuffled_copy_that_fails_has_no_vote(self) -> None:
        def only_as_given(request: Generate):
            shown = [message.content[1].text for message in request.prompt.messages if len(message.content) == 2]
            return Generated("[1] > [2]") if shown == TEXTS else ResponseError("odd")

        config = {"method": "rankgpt", "model": "any", "permutations": 5, "seed": 3, "on_error": "keep_order"}
        ranking = Reranker(config, backend=ScriptedBackend(only_as_given)).rerank("q", TEXTS)
        assert ranking.order == list(range(6))

    @pytest.mark.parametrize("most", [0, 3])
    def test_too_long_groups_count_as_answered_only_if_a_part_was(self, most) -> None:
        def short(request: Generate):
            count = sum("passage" in str(part) for part in request.prompt.messages[1].content)
            odd = "passage 5" in str(request.prompt.messages[1].content)
            return PromptTooLongError("long") if count > most or odd else Generated('{"[1]": 1, "[2]": 2, "[3]": 3}')

        config = {"method": "grouprank", "model": "any", "on_error": "keep_order"}
        ranking = Reranker(config, backend=ScriptedBackend(short)).rerank("q", TEXTS)
        assert ranking.order == ([2, 1, 4, 0, 3, 5] if most == 3 else list(range(6)))
        assert {failure.action for failure in ranking.failures} == {"partial" if most == 3 else "keep_order"}


@pytest.mark.parametrize("options", [{"timeout": 0}, {"timeout": "soon"}, {"retries": -1}, {"retries": 1.5}])
def test_wrong_values_are_refused(options) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        Reranker("bm25", **options)


def test_the_policy_stays_in_the_config() -> None:
    config = {"reranker": "bm25", "timeout": 3.5, "retries": 2, "on_error": "keep_order"}
    assert Reranker(config).to_config() == config
