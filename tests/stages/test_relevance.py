"""Relevance means the same whatever surrounds a passage, and a threshold uses it or is refused at construction."""

import asyncio
import math
import pickle

import pytest

from swaprank import BackendError, ConfigError, Passage, Reranker, ResponseError, ScoreKind
from swaprank.requests import PairScored
from swaprank.testing import ScriptedBackend

QUERY = "When was the harbour built?"
PASSAGES = [Passage("The harbour was built in 1931.", score=1.0), Passage("", score=0.9), Passage("Lunch", score=0.8)]
ENCODER = {"method": "cross-encoder", "model": "scripted"}
LISTWISE = {"method": "rankgpt", "model": "scripted"}
ARABIC = "ما هي عاصمة فرنسا؟"


def encoder(logit: float, activation: str = "identity", **options) -> Reranker:
    answer = PairScored(logit=logit, activation=activation, activated=logit)
    return Reranker({**ENCODER, **options}, backend=ScriptedBackend(lambda request: answer))


def broken(request):
    raise BackendError("down")


@pytest.mark.parametrize(
    ("query", "good", "bad"),
    [
        (QUERY, PASSAGES[0].text, "Lunch is served at noon."),
        ("What is the capital of France?", "Paris is the capital of France.", "Bananas are yellow."),
        (ARABIC, "باريس هي عاصمة فرنسا وأكبر مدنها.", "ينام الكلب في البيت"),
    ],
)
def test_the_default_judges_a_passage_by_itself(query, good, bad) -> None:
    reranker = Reranker(score_threshold=0.5)
    assert reranker.rerank(query, [good]).order == [0]
    assert reranker.rerank(query, [bad, bad + " "]).order == []
    together = reranker.rerank(query, [bad, Passage(good, score=3.0), "", bad])
    assert together.order == [1]
    alone = [reranker.rerank(query, [text]).relevance[0] for text in (bad, good, "", bad)]
    assert together.relevance == pytest.approx(alone, abs=1e-6)
    assert alone[1] > 0.9 and alone[0] < 0.3 and alone[2] == 0


def test_all_ways_to_ask_agree() -> None:
    reranker = Reranker(score_threshold=0.5, top_n=1)
    one = reranker.rerank(QUERY, PASSAGES)
    many = reranker.rerank_many([QUERY, QUERY], [PASSAGES, PASSAGES[::-1]])
    assert many[0].relevance == one.relevance == many[1].relevance[::-1]
    assert asyncio.run(reranker.arerank(QUERY, PASSAGES)).relevance == one.relevance
    assert pickle.loads(pickle.dumps(reranker)).rerank(QUERY, PASSAGES).relevance == one.relevance
    assert Reranker(reranker.to_config()).rerank(QUERY, PASSAGES).relevance == one.relevance


def test_thresholds_at_the_ends() -> None:
    assert Reranker(score_threshold=0).rerank(QUERY, PASSAGES).order == [0, 2, 1]
    assert Reranker(score_threshold=1).rerank(QUERY, PASSAGES).order == []
    assert encoder(800.0, score_threshold=1).rerank("q", ["a", "b"]).order == [0, 1]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"reranker": "rankzephyr", "score_threshold": 0.5}, "made from their ranks"),
        ({**LISTWISE, "strategy": "all-at-once", "score_threshold": 0.5}, "compares the passages of one list"),
        ({"fusion": "rrf", "of": ["bm25", "lexical"], "score_threshold": 0.1}, "scaled each by itself"),
        ({"stages": ["bm25", {"diversify": "mmr"}], "score_threshold": 0.1}, "places before it"),
        ({"reranker": "lexical", "normalize": "sigmoid"}, "normalize: sigmoid applies to logits"),
        ({"method": "first", "model": "m", "normalize": "sigmoid"}, "normalize: sigmoid applies to logits"),
        ({"reranker": "embedded", "normalize": "sigmoid"}, "score_threshold needs no sigmoid"),
        ({**ENCODER, "score_threshold": 2.5}, "compared with the relevance, from 0 to 1"),
        ({**ENCODER, "score_threshold": -0.1}, "compared with the relevance, from 0 to 1"),
        ({"reranker": "rankzephyr", "relevance": {"type": "logistic", "slope": 1}}, "relevance maps scores"),
        ({"reranker": "bm25", "relevance": {"type": "evidence", "weights": {"terms": 1}}}, "weighs 'terms'"),
        ({"stages": [{"reranker": "rankzephyr", "score_threshold": 0.5}]}, r"config\.stages\[0\]"),
    ],
    ids=str,
)
def test_limits_that_make_no_sense_are_refused_at_construction(config, message) -> None:
    with pytest.raises(ConfigError, match=message):
        Reranker(config)


def test_the_lexical_match_is_judged_by_what_each_passage_holds_whatever_the_others_are() -> None:
    question, perfect = "When was the harbour built?", "The harbour was built in 1931."
    ranking = Reranker("lexical", score_threshold=0.5).rerank(question, ["Lunch", perfect, ""])
    assert ranking.order == [1] and ranking.relevance[1] > 0.9
    assert Reranker("lexical").rerank(question, [perfect]).relevance == [ranking.relevance[1]]
    assert Reranker("lexical", score_threshold=0.5).rerank(question, ["Lunch", "Green tea"]).order == []


def test_scores_without_a_map_are_compared_as_they_are() -> None:
    assert Reranker("bm25", score_threshold=0.1).rerank(QUERY, PASSAGES).order == [0]
    assert Reranker("bm25", normalize="minmax", score_threshold=0.5).rerank(QUERY, PASSAGES).order == [0]
    mapped = Reranker("bm25", relevance={"type": "range", "low": 0, "high": 100}, score_threshold=0.5)
    assert mapped.rerank(QUERY, PASSAGES).order == []


def test_an_activation_that_only_the_model_knows_has_no_map() -> None:
    assert encoder(0.7, "tanh").rerank("q", ["a"]).relevance == [None]
    with pytest.raises(ConfigError, match="kind 'other'"):
        encoder(0.7, "tanh", score_threshold=0.5).rerank("q", ["a"])


def test_the_map_reads_the_score_before_it_is_normalised() -> None:
    relevance = {"type": "logistic", "slope": 2, "intercept": -2}
    for how in ("none", "sigmoid", "minmax"):
        assert encoder(1.0, relevance=relevance, normalize=how).rerank("q", ["a"]).relevance == [0.5]


def test_what_a_failure_leaves_has_no_relevance_and_is_kept() -> None:
    kept = {"score_threshold": 0.9, "on_error": "keep_order"}
    ranking = Reranker({**ENCODER, **kept}, backend=ScriptedBackend(broken)).rerank(QUERY, PASSAGES)
    assert (ranking.order, ranking.relevance) == ([0, 2, 1], [None, None, None])
    ranking = encoder(math.nan, **kept).rerank("q", ["a", "b"])
    assert (ranking.order, ranking.relevance) == ([0, 1], [None, None])
    with pytest.raises(ResponseError):
        encoder(math.nan, score_threshold=0.9).rerank("q", ["a"])


def test_a_fallback_is_held_against_the_threshold_if_it_tells_a_relevance() -> None:
    def fallen(to):
        config = {**ENCODER, "score_threshold": 0.5, "on_error": {"fallback": to}}
        return Reranker(config, backend=ScriptedBackend(broken)).rerank(QUERY, PASSAGES)

    assert fallen("embedded").order == [0]
    assert (fallen("bm25").order, fallen("bm25").score_kind) == ([0, 2, 1], ScoreKind.BM25)


def test_a_sigmoid_around_a_fallback_leaves_its_scores(caplog) -> None:
    inner = {"method": "cross-encoder", "model": "/none", "activation": "identity", "on_error": {"fallback": "bm25"}}
    ranking = Reranker(stages=[inner], normalize="sigmoid", score_threshold=0.5).rerank(QUERY, PASSAGES)
    assert ranking.score_kind is ScoreKind.BM25 and len(ranking.failures) == 1


def test_a_cascade_has_the_relevance_of_the_last_stage_that_tells_one() -> None:
    diversified = Reranker(stages=["embedded", {"diversify": "mmr"}], score_threshold=0.5).rerank(QUERY, PASSAGES)
    assert (diversified.order, diversified.score_kind) == ([0], ScoreKind.RANK)
    assert diversified.relevance == Reranker().rerank(QUERY, PASSAGES).relevance
    cut = Reranker(stages=[{"reranker": "bm25", "top_n": 1}, "embedded"]).rerank(QUERY, PASSAGES)
    assert cut.relevance[1:] == [None, None] and cut.relevance[0] > 0.9


def test_other_parts_of_a_recipe_leave_its_map_out() -> None:
    assert (
        Reranker("embedded", of=["bm25", "first-stage"], weights=[1, 1]).rerank(QUERY, PASSAGES).relevance == [None] * 3
    )
    assert Reranker("embedded", weights=[1, 2]).rerank(QUERY, PASSAGES).relevance[0] > 0.9


def test_a_map_reads_no_score_that_only_says_a_place() -> None:
    whole = {"type": "logistic", "slope": 1}
    cut = Reranker(stages=[{"reranker": "bm25", "top_n": 1}, "bm25"], relevance=whole).rerank(QUERY, PASSAGES)
    assert cut.relevance[0] > 0.5 and cut.relevance[2] is None

    def some(request):
        return BackendError("cut off") if "Lunch" in request.passage else PairScored(1.0, "identity", 1.0)

    backend = ScriptedBackend(some)
    ranking = Reranker({**ENCODER, "relevance": whole, "on_error": "keep_order"}, backend=backend).rerank(
        QUERY, PASSAGES
    )
    assert [failure.action for failure in ranking.failures] == ["partial"]
    assert ranking.relevance[0] > 0.7 and ranking.relevance[2] is None


def test_a_failure_that_was_handled_before_changes_no_threshold() -> None:
    first = {**LISTWISE, "model": "/none", "on_error": "keep_order"}
    ranking = Reranker(stages=[first, "bm25"], score_threshold=0.1).rerank(QUERY, PASSAGES)
    assert len(ranking.failures) == 1 and ranking.order == [0]
