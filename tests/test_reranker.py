"""Reranker: input checks, limits, failure policy, calls, pickling."""

import asyncio
import copy
import math
import pickle

import pytest

from swaprank import BackendError, ConfigError, InputError, Passage, Query, Reranker, ResponseError, ScoreKind
from swaprank.requests import PairScore, PairScored, Request, Response, Usage
from swaprank.testing import OracleBackend, ScriptedBackend, check_reranker

CONFIG = {"method": "cross-encoder", "model": "scripted"}


def by_length(request: Request) -> Response:
    """Longer passages are better; logits are the length."""
    assert isinstance(request, PairScore)
    size = float(len(request.passage))
    return PairScored(logit=size, activation="identity", activated=size, usage=Usage(input_tokens=3, output_tokens=1))


def reranker(**options) -> Reranker:
    return Reranker({**CONFIG, **options}, backend=ScriptedBackend(by_length))


def test_the_promises_hold_for_the_default() -> None:
    check_reranker(Reranker())


def test_scores_cover_every_input_and_the_kept_are_cut() -> None:
    ranking = reranker(top_n=2).rerank("q", ["a", "ccc", "bb"])
    assert ranking.order == [1, 2]
    assert ranking.scores == [1.0, 3.0, 2.0]
    assert [(kept.index, kept.rank, kept.score, kept.passage.text) for kept in ranking.passages] == [
        (1, 1, 3.0, "ccc"),
        (2, 2, 2.0, "bb"),
    ]
    assert ranking.score_kind is ScoreKind.LOGIT


def test_equal_scores_keep_the_given_order() -> None:
    assert reranker().rerank("q", ["aa", "bb", "ccc", "dd"]).order == [2, 0, 1, 3]


def test_threshold_may_keep_nothing() -> None:
    assert reranker(score_threshold=0.8).rerank("q", ["a", "ccc", "bb"]).order == [1, 2]
    assert reranker(score_threshold=0.999).rerank("q", ["a", "ccc"]).order == []


@pytest.mark.parametrize("how", ["none", "sigmoid"])
def test_threshold_is_compared_with_the_relevance_of_logits(how) -> None:
    ranking = reranker(normalize=how, score_threshold=0.9).rerank("q", ["", "ccc", "bb"])
    assert ranking.order == [1]
    assert [kept.relevance for kept in ranking.passages] == [pytest.approx(1 / (1 + math.exp(-3)))]
    assert ranking.relevance == [0.0, *(pytest.approx(1 / (1 + math.exp(-logit))) for logit in (3, 2))]


def test_sigmoid_makes_probabilities_of_logits() -> None:
    ranking = reranker(normalize="sigmoid").rerank("q", ["", "ccc", "bb"])
    assert ranking.score_kind is ScoreKind.PROBABILITY
    assert ranking.scores[1] == pytest.approx(1 / (1 + math.exp(-3)))


def test_sigmoid_is_not_applied_twice() -> None:
    plain, normalized = (reranker(activation="sigmoid", normalize=how) for how in ("none", "sigmoid"))
    assert plain.rerank("q", ["a", "bb"]).scores == normalized.rerank("q", ["a", "bb"]).scores


def test_sigmoid_of_something_that_is_no_logit_is_refused_at_construction() -> None:
    with pytest.raises(ConfigError, match="kind 'bm25'"):
        Reranker("bm25", normalize="sigmoid")


@pytest.mark.parametrize("low, high", [(-1.7e308, 1.7e308), (0.0, 5e-324), (1.0, 1.0 + 2e-16), (-1.7e308, -5e-324)])
def test_minmax_of_any_finite_scores_is_finite_and_rises_with_them(low, high) -> None:
    logits = {"a": low, "b": low / 2 + high / 2, "c": high, "d": max(low, min(high, 0.0))}

    def extreme(request: Request) -> Response:
        assert isinstance(request, PairScore)
        logit = logits[request.passage]
        return PairScored(logit=logit, activation="identity", activated=logit)

    scores = (
        Reranker({**CONFIG, "normalize": "minmax"}, backend=ScriptedBackend(extreme)).rerank("q", list("abcd")).scores
    )
    assert scores[0] == 0.0 and scores[2] == 1.0
    assert all(0.0 <= score <= 1.0 for score in scores)
    before = [logits[letter] for letter in "abcd"]
    for one in range(4):
        assert all(scores[one] <= scores[other] for other in range(4) if before[one] <= before[other])


def test_minmax_of_equal_scores_is_the_middle() -> None:
    assert reranker(normalize="minmax").rerank("q", ["aa", "bb"]).scores == [0.5, 0.5]
    assert reranker(normalize="minmax").rerank("q", ["a", "bbb", "cc"]).scores == [0.0, 1.0, 0.5]


def test_empty_passages_are_last_by_rule_or_stay_where_the_model_puts_them() -> None:
    def short_is_better(request: Request) -> Response:
        assert isinstance(request, PairScore)
        return PairScored(-float(len(request.passage)), "identity", -float(len(request.passage)))

    backend = ScriptedBackend(short_is_better)
    last = Reranker(CONFIG, backend=backend).rerank("q", ["", "aa", " ", "b"])
    assert last.order == [3, 1, 0, 2]
    assert last.scores == [-2.0, -2.0, -2.0, -1.0]
    official = Reranker({**CONFIG, "empty_passages": "score"}, backend=backend).rerank("q", ["", "aa", " ", "b"])
    assert official.order == [0, 2, 3, 1]


def test_titles_are_read_before_the_text() -> None:
    backend = ScriptedBackend(by_length)
    Reranker(CONFIG, backend=backend).rerank("q", [Passage("text", title="Title"), Passage("", title="Only")])
    assert [request.passage for request in backend.requests] == ["Title text", "Only "]


@pytest.mark.parametrize("query", ["", " \n", 3, None])
def test_a_query_that_is_none_is_refused(query) -> None:
    with pytest.raises(InputError, match="query"):
        reranker().rerank(query, ["a"])


def test_passages_that_are_none_are_named() -> None:
    with pytest.raises(InputError, match=r"passages\[1\] is of type dict"):
        reranker().rerank("q", ["a", {"text": "b"}])
    with pytest.raises(InputError, match="passages is of type str"):
        reranker().rerank("q", "abc")


def test_rerank_many_shares_batches_and_keeps_lists_apart() -> None:
    backend = ScriptedBackend(by_length)
    rankings = Reranker(CONFIG, backend=backend).rerank_many(["q", Query("r")], [["a", "bb"], ["ccc"]])
    assert [ranking.order for ranking in rankings] == [[1, 0], [0]]
    assert backend.batches == [3]
    assert [ranking.calls[0].requests for ranking in rankings] == [2, 1]
    with pytest.raises(InputError, match="2 queries and 1 passage lists"):
        reranker().rerank_many(["q", "r"], [["a"]])


def test_calls_tell_what_was_done() -> None:
    [call] = reranker().rerank("q", ["a", "bb"]).calls
    assert (call.method, call.backend, call.model, call.requests) == ("cross-encoder", "scripted", "scripted", 2)
    assert (call.input_tokens, call.output_tokens) == (6, 2)
    assert call.seconds > 0


def broken(request: Request) -> Response:
    raise BackendError("the model is down")


def test_errors_are_raised_by_default() -> None:
    with pytest.raises(BackendError, match="the model is down"):
        Reranker(CONFIG, backend=ScriptedBackend(broken)).rerank("q", ["a"])


def test_keep_order_gives_every_passage_back_and_says_so(caplog) -> None:
    guarded = Reranker({**CONFIG, "on_error": "keep_order", "score_threshold": 0.5}, backend=ScriptedBackend(broken))
    ranking = guarded.rerank("q", [Passage("a", score=2.0), Passage("", score=1.0)])
    assert ranking.order == [0, 1]
    assert (ranking.scores, ranking.score_kind) == ([2.0, 1.0], ScoreKind.RETRIEVAL)
    assert [(failure.action, failure.error) for failure in ranking.failures] == [("keep_order", "the model is down")]
    assert "keeping the given order" in caplog.text
    unscored = guarded.rerank("q", ["a", "b", "c"])
    assert (unscored.order, unscored.score_kind) == ([0, 1, 2], ScoreKind.RANK)
    assert unscored.scores == sorted(unscored.scores, reverse=True)


def test_fallback_takes_over_within_the_limits() -> None:
    guarded = Reranker({**CONFIG, "on_error": {"fallback": "bm25"}, "top_n": 1}, backend=ScriptedBackend(broken))
    ranking = guarded.rerank("green tea", ["coffee", "green tea"])
    assert ranking.order == [1]
    assert ranking.score_kind is ScoreKind.BM25
    assert [failure.action for failure in ranking.failures] == ["fallback"]


def test_one_query_may_fail_without_the_others() -> None:
    def half(request: Request) -> Response:
        assert isinstance(request, PairScore)
        score = math.nan if request.query == "bad" else 1.0
        return PairScored(score, "identity", score)

    guarded = Reranker({**CONFIG, "on_error": "keep_order"}, backend=ScriptedBackend(half))
    good, bad = guarded.rerank_many(["good", "bad"], [["a"], ["b"]])
    assert (len(good.failures), len(bad.failures)) == (0, 1)


def test_scores_that_cannot_be_ranked_are_an_error() -> None:
    for score in (math.nan, math.inf):
        backend = ScriptedBackend(lambda request, score=score: PairScored(score, "identity", score))
        with pytest.raises(ResponseError, match="scored the passage 'a' as"):
            Reranker(CONFIG, backend=backend).rerank("q", ["a"])


def test_the_wrong_kind_of_response_is_an_error() -> None:
    from swaprank.requests import Generated

    with pytest.raises(ResponseError, match="Generated"):
        Reranker(CONFIG, backend=ScriptedBackend(lambda request: Generated("?"))).rerank("q", ["a"])


def test_a_config_with_an_oracle_orders_by_relevance() -> None:
    oracle = OracleBackend({"bad": 0.1, "good": 3.0, "fair": 1.0})
    for method in ("cross-encoder", "bi-encoder"):
        ranking = Reranker({"method": method, "model": "oracle"}, backend=oracle).rerank("q", ["bad", "good", "fair"])
        assert ranking.order == [1, 2, 0]


def test_a_known_query_embedding_is_not_computed_again() -> None:
    oracle = OracleBackend({"good": 3.0})
    config = {"method": "bi-encoder", "model": "oracle", "reuse_embeddings": True}
    known = Query("q", embedding=[1.0, 0.0])
    assert Reranker(config, backend=oracle).rerank(known, ["bad", "good"]).order == [1, 0]
    assert [request.role for request in oracle.requests] == ["passage", "passage"]
    foreign = Query("q", embedding=[1.0, 0.0, 0.0])
    assert Reranker(config, backend=oracle).rerank(foreign, ["bad", "good"]).order == [1, 0]
    assert oracle.requests[-1].role == "query"
    Reranker({**config, "reuse_embeddings": False}, backend=oracle).rerank(known, ["bad"])
    assert [request.role for request in oracle.requests[-2:]] == ["query", "passage"]


def test_pickles_and_copies_work_before_and_after_use() -> None:
    original = Reranker("bm25", top_n=1)
    for _ in range(2):
        for twin in (pickle.loads(pickle.dumps(original)), copy.deepcopy(original)):
            assert twin.to_config() == original.to_config()
            assert twin.rerank("tea", ["coffee", "tea"]).order == [1]
        asyncio.run(original.arerank("tea", ["coffee", "tea"]))


def test_a_ready_backend_is_told_by_its_name() -> None:
    told = reranker().to_config()
    assert told == {**CONFIG, "backend": {"type": "scripted"}}
    with pytest.raises(ConfigError, match="no backend 'scripted'"):
        Reranker(told)


class Opened(ScriptedBackend):
    """A backend that tells what was done to it."""

    done: list[str]

    def warm_up(self, needs) -> None:
        self.done.append("warm_up " + " ".join(sorted(needs)))

    def close(self) -> None:
        self.done.append("close")


def test_a_ready_backend_is_warmed_up_and_its_owner_closes_it() -> None:
    backend = Opened(lambda request: PairScored(1.0, "identity", 1.0))
    backend.done = []
    with Reranker({"method": "cross-encoder", "model": "m"}, backend=backend) as reranker:
        reranker.warm_up()
    assert backend.done == ["warm_up pair_score"]


def test_a_ranking_is_the_sequence_of_its_passages() -> None:
    ranking = Reranker("bm25", top_n=2).rerank("tea", ["coffee", "green tea", "tea tea"])
    assert list(ranking) == ranking.passages == [ranking[0], ranking[-1]]
    assert len(ranking) == 2
