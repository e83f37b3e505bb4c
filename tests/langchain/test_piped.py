"""A reranker stands in a chain of LangChain, and says what a chain must hand it; what it took has its price."""

import pytest
from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda, RunnableParallel, RunnablePassthrough

from langchain_rerankers import Reranker
from swaprank import InputError

DOCUMENTS = [Document("coffee"), Document("green tea")]
RETRIEVER = RunnableLambda(lambda query: DOCUMENTS)
BOTH = {"query": RunnablePassthrough(), "documents": RETRIEVER}


@pytest.mark.parametrize("first", [BOTH, RunnableParallel(BOTH)], ids=["dict", "runnable"])
async def test_query_and_documents_are_piped_into_a_reranker(first) -> None:
    chain = first | Reranker(method="bm25", top_n=1)
    assert [found.page_content for found in chain.invoke("tea")] == ["green tea"]
    assert [found.page_content for found in await chain.ainvoke("tea")] == ["green tea"]


def test_documents_without_their_query_are_refused_with_the_way_out() -> None:
    with pytest.raises(InputError, match="as_retriever"):
        (RETRIEVER | Reranker(method="bm25")).invoke("tea")


async def test_the_event_tells_the_cost_by_the_prices_of_the_config() -> None:
    prices = {"currency": "EUR", "models": {"*": {"hour": 3600.0}}}
    runnable = Reranker(method="bm25", prices=prices).as_runnable()
    events = [event async for event in runnable.astream_events({"query": "tea", "documents": DOCUMENTS}, version="v2")]
    [took] = [event["data"] for event in events if event["event"] == "on_custom_event"]
    assert took["rerank_currency"] == "EUR"
    assert took["rerank_cost"] == pytest.approx(took["rerank_seconds"])


def test_a_reranker_is_the_first_part_of_a_chain() -> None:
    chain = Reranker(method="bm25", top_n=1) | (lambda found: found[0].page_content)
    assert chain.invoke({"query": "tea", "documents": DOCUMENTS}) == "green tea"
