"""Nodes, scripted rerankers and a recorder of callbacks for the tests beside this file."""

import asyncio

import numpy as np
import pytest
from llama_index.core.callbacks import CBEventType, EventPayload
from llama_index.core.callbacks.base_handler import BaseCallbackHandler
from llama_index.core.schema import (
    NodeWithScore,
    TextNode,
)

from llamaindex_rerankers import Reranker
from swaprank.errors import BackendError
from swaprank.requests import PairScored, Request, Response
from swaprank.testing import ScriptedBackend

CONFIG = {"method": "cross-encoder", "model": "scripted"}


def by_length(request: Request) -> Response:
    size = np.float32(len(request.passage))
    return PairScored(logit=size, activation="identity", activated=size)


def broken(request: Request) -> Response:
    raise BackendError("the model is down")


def scripted(answer=by_length, **options) -> Reranker:
    return Reranker({**CONFIG, **options}, backend=ScriptedBackend(answer))


def nodes() -> list[NodeWithScore]:
    texts = [("a", 0.9), ("ccc", 0.5), ("bb", None)]
    return [
        NodeWithScore(node=TextNode(text=text, id_=text, metadata={"page": text}), score=score) for text, score in texts
    ]


def rerank(reranker: Reranker, given: list[NodeWithScore], how: str = "sync", query: str = "q") -> list[NodeWithScore]:
    if how == "sync":
        return reranker.postprocess_nodes(given, query_str=query)
    return asyncio.run(reranker.apostprocess_nodes(given, query_str=query))


both = pytest.mark.parametrize("how", ["sync", "async"])


class Callbacks(BaseCallbackHandler):
    def __init__(self) -> None:
        super().__init__([], [])
        self.seen: list[tuple[str, int]] = []

    def on_event_start(self, event_type, payload=None, event_id="", parent_id="", **kwargs) -> str:
        if event_type == CBEventType.RERANKING:
            self.seen.append(("start", len(payload[EventPayload.NODES])))
        return event_id

    def on_event_end(self, event_type, payload=None, event_id="", **kwargs) -> None:
        if event_type == CBEventType.RERANKING:
            self.seen.append(("end", len(payload.get(EventPayload.NODES, []))))

    def start_trace(self, trace_id=None) -> None: ...

    def end_trace(self, trace_id=None, trace_map=None) -> None: ...
