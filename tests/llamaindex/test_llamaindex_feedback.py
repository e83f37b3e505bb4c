"""A second retrieval with the query embedding that the reranker moved, on a small vector index of LlamaIndex."""

import asyncio

import numpy as np
import pytest
from llama_index.core import MockEmbedding, Settings, VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from pydantic import Field

from llamaindex_rerankers import FeedbackRetriever, Reranker
from swaprank import Feedback
from swaprank.requests import Embedded, EmbedPrompt, PairScored
from swaprank.testing import ScriptedBackend

# Two topics, apart in the first coordinate; the query lies with the wrong one.
VECTORS = {"q": (0.9, 0.1, 0.4)}
VECTORS |= {f"ship {place}": (1.0, 0.0, place / 10) for place in range(4)}
VECTORS |= {f"tea {place}": (0.0, 1.0, place / 10) for place in range(4)}
VECTORS["tea 3"] = (0.5, 0.5, 0.4)


class Known(BaseEmbedding):
    asked: list[str] = Field(default_factory=list)

    def _get_query_embedding(self, query: str) -> list[float]:
        return list(VECTORS[query])

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return list(VECTORS[query])

    def _get_text_embedding(self, text: str) -> list[float]:
        self.asked.append(text)
        return list(VECTORS[text])


def tea(request) -> PairScored:
    score = 6.0 if "tea" in request.passage else -6.0
    return PairScored(logit=score, activation="identity", activated=score)


def index(model: Known) -> VectorStoreIndex:
    return VectorStoreIndex([TextNode(text=text) for text in VECTORS if text != "q"], embed_model=model)


def retriever(model: Known, **options) -> FeedbackRetriever:
    reranker = Reranker({"method": "cross-encoder", "model": "any"}, backend=ScriptedBackend(tea))
    first = index(model).as_retriever(similarity_top_k=5, embed_model=model)
    return FeedbackRetriever(first, reranker, embed_model=model, **options)


@pytest.mark.parametrize("how", ["sync", "async"])
def test_what_the_first_retrieval_missed_is_found(how) -> None:
    model = Known()
    own = retriever(model, how=Feedback(learning_rate=0.02))
    first = {node.text for node in index(model).as_retriever(similarity_top_k=5).retrieve("q")}
    assert "tea 3" in first and "tea 1" not in first
    found = own.retrieve("q") if how == "sync" else asyncio.run(own.aretrieve("q"))
    assert {node.text for node in found} >= {f"tea {place}" for place in range(4)}


@pytest.mark.parametrize("how", ["sync", "async"])
def test_the_retrievers_own_embedding_model_goes_before_that_of_the_settings(how, monkeypatch) -> None:
    """Vectors of another model, even of the same size, would mean nothing beside those of the index."""
    monkeypatch.setattr(Settings, "_embed_model", MockEmbedding(embed_dim=3))
    model = Known()
    told = retriever(model)
    untold = FeedbackRetriever(told._retriever, told._reranker)
    nodes = [NodeWithScore(node=TextNode(text=text)) for text in ("ship 1", "tea 1")]
    moved = [
        one.moved(QueryBundle("q"), nodes) if how == "sync" else asyncio.run(one.amoved(QueryBundle("q"), nodes))
        for one in (told, untold)
    ]
    assert moved[0].embedding == moved[1].embedding


def test_nodes_that_bring_their_embedding_are_not_embedded_again() -> None:
    model = Known()
    own = retriever(model)
    model.asked.clear()
    nodes = [NodeWithScore(node=TextNode(text=text, embedding=list(VECTORS[text]))) for text in ("ship 1", "tea 1")]
    nodes.append(NodeWithScore(node=TextNode(text="tea 2")))
    bundle = own.moved(QueryBundle("q"), nodes)
    assert model.asked == ["tea 2"]
    assert bundle.query_str == "q"
    before, after = (np.array(vector) for vector in (VECTORS["q"], bundle.embedding))
    towards = np.array(VECTORS["tea 1"]) - VECTORS["ship 1"]
    assert after @ towards > before @ towards
    given = QueryBundle("q", embedding=[0.0, 0.0, 1.0])
    assert asyncio.run(own.amoved(given, nodes)).embedding == pytest.approx(own.moved(given, nodes).embedding)
    assert given.embedding == [0.0, 0.0, 1.0]


def test_nothing_found_is_nothing() -> None:
    model = Known()
    own = retriever(model)
    own._retriever = VectorStoreIndex([], embed_model=model).as_retriever()
    assert own.retrieve("q") == []
    assert asyncio.run(own.aretrieve("q")) == []


def test_e2rank_takes_the_embeddings_of_nodes() -> None:
    backend = ScriptedBackend(lambda request: Embedded((1.0, 0.0, 0.0)))
    config = {"method": "e2rank", "model": "any", "reuse_embeddings": True}
    nodes = [NodeWithScore(node=TextNode(text=text, embedding=list(VECTORS[text]))) for text in ("tea 1", "ship 0")]
    ranked = Reranker(config, backend=backend).postprocess_nodes(nodes, query_str="q")
    assert [node.text for node in ranked] == ["ship 0", "tea 1"]
    [request] = backend.requests
    assert isinstance(request, EmbedPrompt)
    assert all(node.node.embedding for node in ranked)
