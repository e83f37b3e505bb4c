"""Wrong input is an InputError that says the way out, and nothing that was handed in is changed by it."""

import asyncio
import copy
import json
import math

import pytest
from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda

from langchain_rerankers import RETRIEVAL_SCORE, Reranker
from swaprank import InputError

both = pytest.mark.parametrize("how", ["sync", "async"])


def compress(reranker: Reranker, documents, query, how: str) -> list[Document]:
    if how == "sync":
        return reranker.compress_documents(documents, query)
    return asyncio.run(reranker.acompress_documents(documents, query))


@both
@pytest.mark.parametrize("policy", ["raise", "keep_order"])
@pytest.mark.parametrize("query", [None, 5, b"q", ["q"]])
def test_what_is_no_query_is_refused(how, policy, query) -> None:
    given = [Document(page_content="tea", metadata={"score": 1.0})]
    before = copy.deepcopy(given)
    with pytest.raises(InputError, match=r"The query is a .*Give a str"):
        compress(Reranker("bm25", on_error=policy), given, query, how)
    assert given == before


@both
@pytest.mark.parametrize("wrong", [None, "text", {"a": 1}, ["text"], [None], [Document("a"), "text"]])
def test_what_is_no_list_of_documents_is_refused_with_the_way_out(how, wrong) -> None:
    with pytest.raises(InputError, match=r"Document\(page_content="):
        compress(Reranker("bm25"), wrong, "q", how)


@both
@pytest.mark.parametrize("wrong", ["q", None, {}, {"query": "q"}, {"documents": []}], ids=repr)
def test_the_runnable_says_what_its_input_lacks(how, wrong) -> None:
    runnable = Reranker("bm25").as_runnable()
    with pytest.raises(InputError, match=r'Give {"query":'):
        runnable.invoke(wrong) if how == "sync" else asyncio.run(runnable.ainvoke(wrong))


@both
def test_scores_that_are_no_ordinary_numbers(how) -> None:
    given = [Document("tea", metadata={"score": math.nan}), Document("green tea", metadata={"score": 0.5})]
    for config in ("bm25", {"fusion": "rrf", "of": ["retrieval", "bm25"]}):
        ranked = compress(Reranker(config), given, "tea", how)
        assert [one.metadata.get(RETRIEVAL_SCORE) for one in sorted(ranked, key=lambda one: len(one.page_content))] == [
            None,
            0.5,
        ]
        kept = [{key: value for key, value in one.metadata.items() if key != "score"} for one in ranked]
        json.dumps(kept, allow_nan=False)
    with pytest.raises(InputError, match=r"metadata\['score'\].*too large.*score_key"):
        compress(Reranker("bm25"), [Document("tea", metadata={"score": 10**400})], "tea", how)


def test_a_title_that_is_no_text_is_read_as_text() -> None:
    [ranked] = Reranker("bm25", title_key="year").compress_documents([Document("tea", metadata={"year": 1998})], "1998")
    assert ranked.metadata["relevance_score"] > 0


@pytest.mark.parametrize("k", [0, -1])
def test_a_retriever_of_nothing_is_refused(k) -> None:
    found = RunnableLambda(lambda query: [Document("tea"), Document("coffee")])
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        Reranker("bm25").as_retriever(found, k=k)
    retriever = Reranker("bm25").as_retriever(found)
    with pytest.raises(InputError, match=f"k is {k}"):
        retriever.invoke("tea", k=k)
    with pytest.raises(InputError, match=f"k is {k}"):
        asyncio.run(retriever.ainvoke("tea", k=k))
    assert len(retriever.invoke("tea", k=1)) == 1


@pytest.mark.parametrize("pairs", [None, 3, "ab", {("q", "t")}, ["ab"], [("q",)], [("q", None)], [("q", "t", "u")]])
def test_a_cross_encoder_refuses_what_is_not_a_pair_of_texts(pairs) -> None:
    with pytest.raises(InputError, match="text_pairs"):
        Reranker("bm25").as_cross_encoder().score(pairs)


@pytest.mark.parametrize("documents", [10**5000, [10**5000]], ids=["number", "list"])
def test_documents_that_cannot_even_be_written_are_refused(documents) -> None:
    with pytest.raises(InputError):
        Reranker("bm25").compress_documents(documents, "q")
