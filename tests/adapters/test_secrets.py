"""No key reaches metadata, events or traces through an adapter, whatever the server repeats."""

import asyncio
import logging
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from llama_index.core.callbacks import CallbackManager, LlamaDebugHandler
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.schema import NodeWithScore, TextNode
from pydantic import Field

import langchain_rerankers
import llamaindex_rerankers
from swaprank import BackendError
from tests.backends.http.raw_server import RawServer, response

KEY = "sk-Very-Secret-0123456789"
REPLIES = [response(f"key {KEY} is wrong".encode(), "401 Unauthorized"), response(b"", f"503 {KEY}")]

replies = pytest.mark.parametrize("reply", REPLIES, ids=["body", "reason"])
ways = pytest.mark.parametrize("how", ["sync", "async"])
policies = pytest.mark.parametrize("policy", ["raise", "keep_order"])


def config(url: str, policy: str) -> dict[str, Any]:
    backend = {"type": "http", "api": "tei-rerank", "base_url": url, "retries": 0, "api_key": KEY}
    return {"method": "cross-encoder", "model": "m", "on_error": policy, "backend": backend}


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What swaprank logs; httpx logs the reason phrase of a response by itself."""
    return [record.getMessage() for record in caplog.records if record.name.startswith("swaprank")]


class Events(BaseEventHandler):
    seen: list[Any] = Field(default_factory=list)

    def handle(self, event: Any, **_: Any) -> None:
        self.seen.append(event.model_dump())


class Runs(BaseCallbackHandler):
    def __init__(self) -> None:
        self.seen: list[Any] = []

    def on_chain_start(self, *positional: Any, **named: Any) -> None:
        self.seen += [positional, named]

    on_chain_end = on_chain_error = on_chain_start


@replies
@ways
@policies
def test_in_llamaindex(reply, how, policy, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    debug, events, said = LlamaDebugHandler(print_trace_on_end=False), Events(), []
    root = get_dispatcher("root")
    root.add_event_handler(events)
    try:
        with RawServer(reply) as server:
            reranker = llamaindex_rerankers.Reranker(config(server.url, policy), on_ranking=said.append)
            reranker.callback_manager = CallbackManager([debug])
            nodes = [NodeWithScore(node=TextNode(text=text)) for text in ("tea", "coffee")]
            try:
                if how == "sync":
                    ranked = reranker.postprocess_nodes(nodes, query_str="q")
                else:
                    ranked = asyncio.run(reranker.apostprocess_nodes(nodes, query_str="q"))
                failures = ranked[0].node.metadata[llamaindex_rerankers.FAILURES]
                assert "keep_order" in failures[0]
                said.append([node.model_dump() for node in ranked])
            except BackendError as error:
                said.append(f"{error!r} {error.__cause__!r}")
    finally:
        root.event_handlers.remove(events)
    assert said and events.seen
    payloads = [event.payload for pair in debug.get_event_pairs() for event in pair]
    assert KEY not in f"{said} {events.seen} {payloads} {logged(caplog)} {reranker!r}"


@replies
@ways
@policies
def test_in_langchain(reply, how, policy, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    runs, said = Runs(), []
    with RawServer(reply) as server:
        reranker = langchain_rerankers.Reranker(config(server.url, policy), on_ranking=said.append)
        documents = [Document("tea"), Document("coffee")]
        try:
            if how == "sync":
                ranked = reranker.compress_documents(documents, "q", callbacks=[runs])
            else:
                ranked = asyncio.run(reranker.acompress_documents(documents, "q", callbacks=[runs]))
            assert "keep_order" in ranked[0].metadata[langchain_rerankers.FAILURES][0]
            said.append([document.model_dump() for document in ranked])
        except BackendError as error:
            said.append(f"{error!r} {error.__cause__!r}")
    assert said and runs.seen
    assert KEY not in f"{said} {runs.seen} {logged(caplog)} {reranker!r}"
