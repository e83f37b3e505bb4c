"""Inside real LangChain components: retrievers, pipelines, runtime swap, LangGraph."""

import asyncio
from typing import TypedDict

import pytest
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_classic.retrievers.document_compressors import DocumentCompressorPipeline
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import ConfigurableField
from langchain_tests.integration_tests import RetrieversIntegrationTests

from langchain_rerankers import RELEVANCE_SCORE, Reranker, RerankingRetriever

TEXTS = [
    "Coffee is brewed from beans.",
    "Green tea is not roasted.",
    "Milk comes from cows.",
    "Tea leaves grow on bushes.",
]


class Fixed(BaseRetriever):
    """Finds the same documents for every query."""

    def _get_relevant_documents(self, query, *, run_manager):
        return [Document(page_content=text, id=str(place)) for place, text in enumerate(TEXTS)]


def contents(documents) -> list[str]:
    return [document.page_content for document in documents]


def test_contextual_compression_retriever() -> None:
    retriever = ContextualCompressionRetriever(base_compressor=Reranker(top_n=2), base_retriever=Fixed())
    found = retriever.invoke("Which tea is green?")
    assert contents(found) == [TEXTS[1], TEXTS[3]]
    assert contents(asyncio.run(retriever.ainvoke("Which tea is green?"))) == contents(found)


async def test_the_rerank_shows_up_in_the_event_stream() -> None:
    retriever = ContextualCompressionRetriever(base_compressor=Reranker(), base_retriever=Fixed())
    events = [(event["event"], event["name"]) async for event in retriever.astream_events("tea", version="v2")]
    assert ("on_chain_start", "rerank: embedded") in events
    assert ("on_chain_end", "rerank: embedded") in events


def test_compressor_pipeline() -> None:
    pipeline = DocumentCompressorPipeline(transformers=[Reranker("bm25", top_n=3), Reranker(top_n=1)])
    retriever = ContextualCompressionRetriever(base_compressor=pipeline, base_retriever=Fixed())
    assert contents(retriever.invoke("Which tea is green?")) == [TEXTS[1]]


def test_swapped_at_run_time() -> None:
    retriever = ContextualCompressionRetriever(
        base_compressor=Reranker("bm25", top_n=1), base_retriever=Fixed()
    ).configurable_fields(base_compressor=ConfigurableField(id="reranker"))
    wide = retriever.with_config(configurable={"reranker": Reranker("lexical", top_n=3)})
    assert (len(retriever.invoke("green tea")), len(wide.invoke("green tea"))) == (1, 3)


def test_retriever_view() -> None:
    retriever = Reranker().as_retriever(Fixed(), k=2)
    assert contents(retriever.invoke("Which tea is green?")) == [TEXTS[1], TEXTS[3]]
    assert len(retriever.invoke("tea", k=3)) == 3
    assert len(asyncio.run(retriever.ainvoke("tea", k=1))) == 1


def test_a_langgraph_node() -> None:
    graph = pytest.importorskip("langgraph.graph")

    class State(TypedDict):
        question: str
        documents: list[Document]

    reranker = Reranker(top_n=1)

    async def rerank(state: State) -> dict[str, list[Document]]:
        return {"documents": await reranker.acompress_documents(state["documents"], state["question"])}

    builder = graph.StateGraph(State)
    builder.add_node("rerank", rerank)
    builder.set_entry_point("rerank")
    builder.set_finish_point("rerank")
    documents = [Document(page_content=text) for text in TEXTS]
    final = asyncio.run(builder.compile().ainvoke({"question": "Which tea is green?", "documents": documents}))
    assert contents(final["documents"]) == [TEXTS[1]]
    assert isinstance(final["documents"][0].metadata[RELEVANCE_SCORE], float)


class TestRerankingRetriever(RetrieversIntegrationTests):
    """LangChain's own suite for retrievers."""

    @property
    def retriever_constructor(self):
        return RerankingRetriever

    @property
    def retriever_constructor_params(self):
        return {"base_retriever": Fixed(), "reranker": Reranker()}

    @property
    def retriever_query_example(self):
        return "Which tea is green?"
