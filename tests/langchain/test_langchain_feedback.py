"""A second retrieval with the query embedding that the reranker moved, on an in-memory store of LangChain."""

import asyncio

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import InMemoryVectorStore

from langchain_rerankers import FeedbackRetriever, Reranker
from swaprank import ConfigError, Feedback
from swaprank.requests import Embedded, EmbedPrompt, PairScored
from swaprank.testing import ScriptedBackend

# Two topics, apart in the first coordinate; the query lies with the wrong one.
VECTORS = {"q": (0.9, 0.1, 0.4)}
VECTORS |= {f"ship {place}": (1.0, 0.0, place / 10) for place in range(4)}
VECTORS |= {f"tea {place}": (0.0, 1.0, place / 10) for place in range(4)}
VECTORS["tea 3"] = (0.5, 0.5, 0.4)


class Known(Embeddings):
    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.asked += texts
        return [list(VECTORS[text]) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return list(VECTORS[text])


def tea(request) -> PairScored:
    score = 6.0 if "tea" in request.passage else -6.0
    return PairScored(logit=score, activation="identity", activated=score)


def store(model: Known) -> InMemoryVectorStore:
    filled = InMemoryVectorStore(model)
    metadata = {"vector": [1.0, 0.0, 0.0]}
    filled.add_documents(
        [Document(text, metadata=metadata if text == "ship 0" else {}) for text in VECTORS if text != "q"]
    )
    model.asked.clear()
    return filled


def reranker(**options) -> Reranker:
    return Reranker({"method": "cross-encoder", "model": "any"}, backend=ScriptedBackend(tea), **options)


@pytest.mark.parametrize("how", ["sync", "async"])
def test_what_the_first_retrieval_missed_is_found(how) -> None:
    filled = store(Known())
    own = FeedbackRetriever(vectorstore=filled, reranker=reranker(), k=4, first_k=5, how=Feedback(learning_rate=0.02))
    first = {document.page_content for document in filled.similarity_search("q", k=5)}
    assert "tea 3" in first and "tea 1" not in first
    found = own.invoke("q") if how == "sync" else asyncio.run(own.ainvoke("q"))
    assert {document.page_content for document in found} == {f"tea {place}" for place in range(4)}


@pytest.mark.parametrize("how", ["sync", "async"])
def test_documents_that_bring_their_embedding_are_not_embedded_again(how) -> None:
    model = Known()
    filled = store(model)
    own = FeedbackRetriever(vectorstore=filled, reranker=reranker(embedding_key="vector"), first_k=8)
    documents = filled.similarity_search("q", k=8)
    moved = own.moved("q", documents) if how == "sync" else asyncio.run(own.amoved("q", documents))
    assert sorted(model.asked) == sorted(set(VECTORS) - {"q", "ship 0"})
    assert moved[1] > VECTORS["q"][1]


def test_a_store_that_names_no_model_says_so() -> None:
    class Nameless(InMemoryVectorStore):
        @property
        def embeddings(self):
            return None

    own = FeedbackRetriever(vectorstore=Nameless(Known()), reranker=reranker())
    with pytest.raises(ConfigError, match="Nameless does not say"):
        own.moved("q", [Document("tea 1")])
    named = FeedbackRetriever(vectorstore=Nameless(Known()), reranker=reranker(), embeddings=Known())
    assert len(named.moved("q", [Document("tea 1")])) == 3


def test_nothing_found_is_nothing() -> None:
    own = FeedbackRetriever(vectorstore=InMemoryVectorStore(Known()), reranker=reranker())
    assert own.invoke("q") == []
    assert asyncio.run(own.ainvoke("q")) == []


E2RANK = {"method": "e2rank", "model": "any", "reuse_embeddings": True}
DOCUMENTS = [Document(text, metadata={"vector": list(VECTORS[text])}) for text in ("tea 1", "ship 0")]


@pytest.mark.parametrize("how", ["sync", "async"])
@pytest.mark.parametrize("options", [{"embedding_key": "vector"}, {"embeddings": Known().embed_documents}], ids=list)
def test_e2rank_takes_stored_embeddings(options, how) -> None:
    backend = ScriptedBackend(lambda request: Embedded((1.0, 0.0, 0.0)))
    own = Reranker(E2RANK, backend=backend, **options)
    ranked = (
        own.compress_documents(DOCUMENTS, "q")
        if how == "sync"
        else asyncio.run(own.acompress_documents(DOCUMENTS, "q"))
    )
    assert [document.page_content for document in ranked] == ["ship 0", "tea 1"]
    [request] = backend.requests
    assert isinstance(request, EmbedPrompt)
