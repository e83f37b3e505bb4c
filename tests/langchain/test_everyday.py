"""Per call: how many documents are kept; and what a ranking took reaches callbacks, without texts."""

import asyncio
from unittest.mock import MagicMock

import numpy as np
import pytest
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.runnables import RunnableLambda
from langchain_core.tracers.langchain import LangChainTracer
from langsmith import Client

from langchain_rerankers import Reranker
from swaprank import InputError

DOCUMENTS = [Document(page_content=text) for text in ("coffee", "green tea", "tea", "a secret tea")]


class Handler(BaseCallbackHandler):
    def __init__(self):
        self.events = []

    def on_custom_event(self, name, data, **kwargs):
        self.events.append((name, data))


class AsyncHandler(AsyncCallbackHandler):
    def __init__(self):
        self.events = []

    async def on_custom_event(self, name, data, **kwargs):
        self.events.append((name, data))


async def test_top_n_per_call() -> None:
    reranker = Reranker("bm25", top_n=3)
    assert len(reranker.compress_documents(DOCUMENTS, "tea")) == 3
    assert len(reranker.compress_documents(DOCUMENTS, "tea", top_n=1)) == 1
    assert len(await reranker.acompress_documents(DOCUMENTS, "tea", top_n=2)) == 2
    assert len(reranker.as_runnable().invoke({"query": "tea", "documents": DOCUMENTS, "top_n": 1})) == 1
    for wrong in (0, "2", True):
        with pytest.raises(InputError, match="top_n"):
            reranker.compress_documents(DOCUMENTS, "tea", top_n=wrong)


async def test_top_n_per_call_of_a_retriever() -> None:
    retriever = Reranker("bm25").as_retriever(RunnableLambda(lambda query: DOCUMENTS), k=3)
    assert len(retriever.invoke("tea", top_n=1)) == len(retriever.invoke("tea", top_n=1, k=2)) == 1
    assert len(await retriever.ainvoke("tea", top_n=2)) == 2
    assert len(retriever.invoke("tea", top_n=np.int64(2))) == 2
    for wrong in (0, "2", True, 1.5):
        with pytest.raises(InputError, match="top_n is"):
            retriever.invoke("tea", top_n=wrong)


async def test_top_n_per_call_of_a_retriever_goes_before_that_of_its_reranker() -> None:
    retriever = Reranker("bm25", top_n=1).as_retriever(RunnableLambda(lambda query: DOCUMENTS))
    assert len(retriever.invoke("tea")) == 1
    assert len(retriever.invoke("tea", top_n=3)) == len(await retriever.ainvoke("tea", k=3)) == 3


async def test_what_a_ranking_took_reaches_callbacks_without_texts() -> None:
    reranker = Reranker("embedded")
    one, other = Handler(), AsyncHandler()
    reranker.compress_documents(DOCUMENTS, "tea", callbacks=[one])
    await reranker.acompress_documents(DOCUMENTS, "tea", callbacks=[other])
    for [(name, data)] in (one.events, other.events):
        assert name == "rerank"
        assert data["rerank_requests"] > 0
        assert data["rerank_seconds"] >= 0
        assert "secret" not in str(data)


@pytest.mark.parametrize("how", ["invoke", "ainvoke"])
def test_a_recorded_run_has_what_the_ranking_took(how) -> None:
    client = MagicMock(spec=Client, tracing_queue=None)
    config = {"callbacks": [LangChainTracer(client=client)]}
    given = {"query": "tea", "documents": [Document(page_content="tea"), Document(page_content="milk")]}
    chain = Reranker("bm25").as_runnable()
    asyncio.run(chain.ainvoke(given, config)) if how == "ainvoke" else chain.invoke(given, config)
    [ended] = [call.kwargs for call in client.update_run.call_args_list]
    assert ended["extra"]["metadata"]["rerank_methods"] == ["bm25"]
    assert ended["extra"]["metadata"]["rerank_seconds"] > 0
