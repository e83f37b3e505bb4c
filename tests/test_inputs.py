"""What cannot be reranked is an InputError that names the place, whatever reranks; numbers and collections of any kind will do."""

import asyncio
import decimal
import math

import numpy as np
import pytest

from swaprank import InputError, Passage, Query, Reranker
from swaprank.types import Decomposed

TEXTS = ["a tea", "b coffee"]
KINDS = {
    "bm25": "bm25",
    "default": None,
    "fusion": {"fusion": "rrf", "of": ["retrieval", "bm25"], "deduplicate": True},
    "keep_order": {"reranker": "bm25", "on_error": "keep_order"},
}
PASSAGES = {
    "passages": [None, b"x", 5, "text", {"a": "b"}, {"a", "b"}],
    "passages\\[0\\]": [[None], [b"x"], [5], [["a"]]],
    "The text of passages\\[1\\]": [["a", Passage(text)] for text in (None, b"x", 5)],
    "The title of passages\\[0\\]": [[Passage("a", title=title)] for title in (b"x", 5, ["a"])],
    "The id of passages\\[0\\]": [[Passage("a", id=key)] for key in (b"x", ["a"], {}, 1.5)],
    "The score of passages\\[0\\]": [
        [Passage("a", score=score)] for score in ("1.5", "x", b"1", 10**400, 10**5000, [1], np.ones(2), 1j)
    ],
    "The embedding of passages\\[0\\]": [
        [Passage("a", embedding=vector)]
        for vector in ("text", b"12345678", 5, ["a"], [[1.0]], [None], [10**400], {}, iter([1.0]), np.ones((1, 2)))
    ],
}
CASES = [(message, passages) for message, several in PASSAGES.items() for passages in several]


@pytest.fixture(scope="module", params=KINDS)
def reranker(request: pytest.FixtureRequest) -> Reranker:
    return Reranker(KINDS[request.param])


@pytest.mark.parametrize("message, passages", CASES, ids=[str(number) for number in range(len(CASES))])
def test_odd_passages_are_named(reranker, message, passages) -> None:
    with pytest.raises(InputError, match=f"^{message} is "):
        reranker.rerank("tea", passages)
    with pytest.raises(InputError, match=f"^{message} is "):
        asyncio.run(reranker.arerank("tea", passages))


@pytest.mark.parametrize("query", [None, b"x", 5, "", " ", *map(Query, [None, b"x", 5, ""])], ids=repr)
def test_odd_queries_are_refused(reranker, query) -> None:
    with pytest.raises(InputError, match=r"^The query"):
        reranker.rerank(query, TEXTS)


@pytest.mark.parametrize(
    "rest", [{"embedding": "text"}, {"embedding": [None]}, {"instruction": 5}, {"decomposed": ["a"]}], ids=repr
)
def test_what_a_query_brings_is_checked(reranker, rest) -> None:
    with pytest.raises(InputError, match=r"embedding|instruction|decomposed"):
        reranker.rerank(Query("tea", **rest), TEXTS)


@pytest.mark.parametrize(
    "queries, lists, message",
    [
        (None, None, "^queries is of type NoneType"),
        (["q"], None, "^passages is of type NoneType"),
        ("q", [TEXTS], "^queries is of type str"),
        ({"q": 1}, [TEXTS], "^queries is of type dict"),
        (["q"], {"a": TEXTS}, "^passages is of type dict"),
        (["q", "q"], [TEXTS], "2 queries and 1 passage lists"),
        (["q"], [None], r"^passages\[0\] is of type NoneType"),
        (["q", "q"], [TEXTS, ["a", None]], r"^passages\[1\]\[1\] is of type NoneType"),
    ],
)
def test_many_queries_are_checked_before_any_is_ranked(queries, lists, message) -> None:
    with pytest.raises(InputError, match=message):
        Reranker("bm25").rerank_many(queries, lists)


@pytest.mark.parametrize("make", [list, tuple, iter, np.array, lambda texts: (text for text in texts)])
def test_any_ordered_collection_will_do(reranker, make) -> None:
    expected = reranker.rerank("tea", TEXTS)
    assert reranker.rerank("tea", make(TEXTS)).scores == expected.scores
    assert [one.scores for one in reranker.rerank_many(make(["tea"]), iter([make(TEXTS)]))] == [expected.scores]


def test_a_table_is_refused_since_it_is_read_as_the_names_of_its_columns(reranker) -> None:
    table = type("DataFrame", (list,), {"columns": ["text"]})(["text"])
    with pytest.raises(InputError, match=r"passages is of type DataFrame. Give a column as a list"):
        reranker.rerank("tea", table)


@pytest.mark.parametrize(
    "score", [2, True, np.float32(2), decimal.Decimal("2.5"), np.int64(3), math.nan, math.inf, None]
)
def test_numbers_of_any_library_and_unknown_ones_are_scores(reranker, score) -> None:
    given = Passage("a tea", score=score, id=7, embedding=np.ones(3, np.float16))
    ranking = reranker.rerank(Query("tea", decomposed=Decomposed(())), [given, Passage("b", score=1.0)])
    assert any(ranked.passage is given for ranked in ranking.passages)
    assert all(math.isfinite(value) for value in ranking.scores)


@pytest.mark.parametrize("returned", [None, [["a", "b"]] * 2, [1.0, 2.0], [[1.0, 2.0]], 5], ids=repr)
def test_odd_embeddings_for_feedback_are_refused(returned) -> None:
    reranker = Reranker("bm25")
    ranking = reranker.rerank("tea", TEXTS)
    with pytest.raises(InputError, match="embeddings gave"):
        reranker.feedback(Query("tea", embedding=[1.0, 2.0]), ranking, embeddings=lambda texts: returned)
    with pytest.raises(InputError, match="The ranking is"):
        reranker.feedback("tea", None)


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_a_better_query_is_finite_or_refused(value) -> None:
    reranker = Reranker("bm25")
    ranking = reranker.rerank("tea", TEXTS)
    with pytest.raises(InputError, match="not finite"):
        reranker.feedback(Query("tea", embedding=[1.0, 2.0]), ranking, embeddings=lambda texts: [[value, 1.0]] * 2)
