"""Query rewrite: the LLM is asked once, passages are scored against what it wrote, or against both questions."""

import asyncio

import pytest

from swaprank import ConfigError, Passage, Query, Reranker
from swaprank.errors import BackendError
from swaprank.requests import Capability, Generated, Usage
from swaprank.testing import ScriptedBackend, check_reranker

QUESTION = "Why does it taste bitter?"
REWRITTEN = "Why does green tea taste bitter when water is too hot?"
PASSAGES = [
    Passage("A bitter taste is why it was sold.", score=3.0),
    Passage("Water that is too hot makes green tea bitter.", score=2.0),
    Passage("Porcelain.", score=1.0),
]


def llm(text: str) -> ScriptedBackend:
    return ScriptedBackend(lambda request: Generated(text, usage=Usage(60, 12)), capabilities={Capability.TEXT})


def reranker(text: str = REWRITTEN, **options) -> Reranker:
    config = {"query_rewrite": "rewritten", "model": "m", "rerank": "bm25", **options}
    return Reranker(config, backend=llm(text))


@pytest.mark.parametrize("rule", ["rewritten", "both"])
def test_it_keeps_the_promises_of_a_reranker(rule) -> None:
    check_reranker(reranker(query_rewrite=rule))


def test_passages_are_scored_against_what_the_llm_wrote() -> None:
    ranking = reranker().rerank(QUESTION, PASSAGES)
    plain = Reranker("bm25").rerank(REWRITTEN, PASSAGES)
    assert (ranking.scores, ranking.order, ranking.score_kind) == (plain.scores, plain.order, plain.score_kind)
    assert Reranker("bm25").rerank(QUESTION, PASSAGES).order != plain.order
    assert (ranking.query, ranking.rewritten_query) == (QUESTION, REWRITTEN)
    assert (ranking.calls[0].method, ranking.calls[0].requests, ranking.calls[0].input_tokens) == (
        "query-rewrite",
        1,
        60,
    )
    assert len(ranking.calls) == 2


def test_both_questions_are_fused_by_alpha() -> None:
    both = reranker(query_rewrite="both", alpha=1.0).rerank(QUESTION, PASSAGES)
    assert both.order == reranker().rerank(QUESTION, PASSAGES).order
    assert both.score_kind == "fused"
    original = reranker(query_rewrite="both", alpha=0.0).rerank(QUESTION, PASSAGES)
    assert original.order == Reranker("bm25").rerank(QUESTION, PASSAGES).order
    assert len(both.calls) == 3


def test_sync_async_and_many_agree() -> None:
    one = reranker().rerank(QUESTION, PASSAGES)
    assert asyncio.run(reranker().arerank(QUESTION, PASSAGES)).scores == one.scores
    assert reranker().rerank_many([QUESTION, QUESTION], [PASSAGES, PASSAGES])[1].scores == one.scores


@pytest.mark.parametrize("text", ["", "  ", "<think>well, it", "<think>a</think>"])
def test_an_answer_without_text_leaves_the_question(text) -> None:
    ranking = reranker(text, query_rewrite="both").rerank(QUESTION, PASSAGES)
    assert ranking.scores == Reranker("bm25").rerank(QUESTION, PASSAGES).scores
    assert (ranking.repairs, ranking.rewritten_query) == (1, None)


def test_thoughts_and_quotation_marks_are_not_searched_for() -> None:
    ranking = reranker(f'<think>tea?</think>\n"{REWRITTEN}"\n').rerank(QUESTION, PASSAGES)
    assert ranking.rewritten_query == REWRITTEN


def test_what_was_known_about_the_question_is_not_taken_for_the_rewritten_one() -> None:
    seen = []

    def embed(request):
        seen.append(request)
        raise BackendError("stop")

    rerank = {"method": "bi-encoder", "model": "m", "reuse_embeddings": True, "backend": "transformers"}
    built = reranker(rerank=rerank)
    stage = built._stage.ranker.rerank
    object.__setattr__(stage.ranker, "backend", ScriptedBackend(embed, capabilities={Capability.EMBEDDINGS}))
    with pytest.raises(BackendError, match="stop"):
        built.rerank(Query(QUESTION, embedding=[1.0, 0.0]), PASSAGES)
    assert seen[0].text == REWRITTEN


def test_retrieval_scores_are_not_read_as_those_of_the_rewritten_question(asked) -> None:
    reranker(query_rewrite="both", rerank="lexical").rerank(QUESTION, PASSAGES)
    assert asked == {QUESTION: True, REWRITTEN: False}
    reranker("", rerank="lexical").rerank(QUESTION, PASSAGES)
    assert asked[QUESTION]


def test_a_failed_llm_falls_back_to_the_reranker_without_it() -> None:
    def fail(request):
        raise BackendError("the LLM is down")

    config = {"query_rewrite": "rewritten", "model": "m", "rerank": "bm25", "on_error": {"fallback": "bm25"}}
    broken = ScriptedBackend(fail, capabilities={Capability.TEXT})
    ranking = Reranker(config, backend=broken).rerank(QUESTION, PASSAGES)
    assert ranking.order == Reranker("bm25").rerank(QUESTION, PASSAGES).order
    assert ranking.failures[0].action == "fallback"


@pytest.mark.parametrize(
    "wrong",
    [{"alpha": 0.5}, {"prompt": "Rewrite."}, {"rerank": {"reranker": "bm25", "top_n": 3}}, {"query_rewrite": "car"}],
    ids=str,
)
def test_impossible_options_are_refused(wrong) -> None:
    with pytest.raises(ConfigError):
        reranker(**wrong)


def test_in_a_cascade_the_later_stages_read_the_users_question() -> None:
    rewrite = {
        "query_rewrite": "rewritten",
        "model": "m",
        "backend": {"type": "http", "api": "openai-chat", "base_url": "http://localhost:1"},
    }
    built = Reranker({"stages": [{**rewrite, "top_n": 5}, {"diversify": "mmr"}]})
    assert [stage.name for stage in built._stage.ranker.stages] == ["rewritten", "mmr"]
