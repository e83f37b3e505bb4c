"""Without wordllama the default is lexical and says so; what needs the table alone fails with a hint."""

import logging

import pytest

from swaprank import MissingDependencyError, Passage, Reranker
from swaprank.backends.embedded import static
from swaprank.stages.fusion import fusion

PASSAGES = ["Coffee is roasted.", "Green tea is steamed, not roasted.", "Milk."]


@pytest.fixture(autouse=True)
def no_wordllama(monkeypatch, nothing_loaded) -> None:
    monkeypatch.setattr(static.importlib.util, "find_spec", lambda name: None)
    fusion._say_once.cache_clear()


def test_the_default_is_lexical_and_says_so_once(caplog) -> None:
    reranker = Reranker()
    reranker.warm_up()
    with caplog.at_level(logging.WARNING):
        first, second = (reranker.rerank("green tea", PASSAGES) for _ in range(2))
    lexical = Reranker("lexical").rerank("green tea", PASSAGES)
    assert first.order[0] == second.order[0] == lexical.order[0] == 1
    [failure] = first.failures
    assert failure.action == "left_out" and "wordllama" in failure.error
    assert first.failures == second.failures and not lexical.failures
    assert len([record for record in caplog.records if "is left out" in record.message]) == 1


def test_retrieval_scores_still_count() -> None:
    scored = [Passage(text, score=score) for text, score in zip(PASSAGES, (3.0, 2.0, 1.0), strict=True)]
    assert Reranker().rerank("which drink", scored).order == [0, 1, 2]


def test_the_relevance_is_that_of_words_alone_and_a_threshold_cuts() -> None:
    [only] = Reranker(score_threshold=0.5).rerank("green tea", ["Green tea is steamed."]).passages
    assert only.relevance > 0.9
    assert Reranker(score_threshold=0.5).rerank("green tea", ["Coffee is roasted.", "Milk."]).passages == []
    kept = Reranker(score_threshold=0.5).rerank("green tea", PASSAGES)
    assert [one.index for one in kept.passages] == [1]
    # It means the same in any list.
    alone = Reranker().rerank("green tea", PASSAGES[1:2])
    assert alone.passages[0].relevance == kept.passages[0].relevance


def test_without_a_map_for_what_is_left_the_relevance_is_unknown_and_nothing_is_dropped() -> None:
    relevance = {"type": "evidence", "weights": {"cosine": 5.0}, "intercept": -1.0}
    kept = Reranker(relevance=relevance, score_threshold=0.5).rerank("green tea", PASSAGES)
    assert [one.relevance for one in kept.passages] == [None] * 3


async def test_the_same_in_an_event_loop_and_for_many_queries() -> None:
    ranking = await Reranker().arerank("green tea", PASSAGES)
    assert ranking.order[0] == 1 and len(ranking.failures) == 1
    for ranking in Reranker().rerank_many(["green tea", "milk"], [PASSAGES] * 2):
        assert len(ranking.failures) == 1


def test_what_needs_the_table_alone_says_what_is_missing() -> None:
    with pytest.raises(MissingDependencyError, match="pip install wordllama"):
        Reranker("static-embedding").rerank("tea", PASSAGES)
    with pytest.raises(MissingDependencyError, match="wordllama"):
        Reranker({"fusion": "rrf", "of": ["lexical", "static-embedding"]}).rerank("tea", PASSAGES)
