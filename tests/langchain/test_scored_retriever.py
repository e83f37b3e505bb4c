"""First-stage scores reach the fusion, in the right direction, and one that is missing does not go unsaid."""

import asyncio
import logging
from types import SimpleNamespace

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import InMemoryVectorStore, VectorStore

from langchain_rerankers import RETRIEVAL_SCORE, WARNINGS, HybridFusion, Reranker, as_retriever
from swaprank import ConfigError, InputError, Passage
from swaprank import Reranker as CoreReranker

TEXTS = ["green tea leaves", "black coffee beans", "green paint"]
RETRIEVAL_ONLY = {"fusion": "min-max", "of": ["retrieval"]}


class Letters(Embeddings):
    """Counts letters."""

    def embed_query(self, text):
        return [1.0 + text.count(letter) for letter in "abcdefghijklmnopqrstuvwxyz"]

    def embed_documents(self, texts):
        return [self.embed_query(text) for text in texts]


class Distances(InMemoryVectorStore):
    """A store of somebody's that returns distances."""

    def similarity_search_with_score(self, query, k=4, **kwargs):
        return [(one, 1 - score) for one, score in super().similarity_search_with_score(query, k, **kwargs)]

    async def asimilarity_search_with_score(self, query, k=4, **kwargs):
        return self.similarity_search_with_score(query, k, **kwargs)


def store(kind=InMemoryVectorStore):
    return kind.from_texts(TEXTS, Letters())


def test_a_known_store_brings_its_scores_sync_and_async() -> None:
    retriever = as_retriever(store(), k=2)
    found = retriever.invoke("green tea")
    assert [one.metadata["score"] for one in found] == sorted((one.metadata["score"] for one in found), reverse=True)
    assert len(found) == 2 and 0 < found[1].metadata["score"] < found[0].metadata["score"] <= 1
    assert asyncio.run(retriever.ainvoke("green tea")) == found
    assert len(retriever.invoke("green tea", k=1)) == 1
    assert len(as_retriever(store(), filter=lambda one: "paint" in one.page_content).invoke("tea")) == 1


def test_distances_are_turned_round_and_a_wrong_direction_is_noticed() -> None:
    kept = store(Distances)
    found = as_retriever(kept, scores="distance").invoke("green tea")
    assert next(one.page_content for one in found) == "green tea leaves"
    assert found[0].metadata["score"] > found[-1].metadata["score"]
    with pytest.raises(InputError, match='scores="distance"'):
        as_retriever(kept, scores="similarity").invoke("green tea")
    with pytest.raises(InputError, match='scores="similarity"'):
        asyncio.run(as_retriever(store(), scores="distance").ainvoke("green tea"))


def test_the_store_stays_as_it_is() -> None:
    kept = store()
    as_retriever(kept).invoke("green tea")
    assert all("score" not in one.metadata for one in kept.similarity_search("green tea"))


def test_an_unknown_store_must_be_named() -> None:
    class Unknown(VectorStore):
        def similarity_search(self, query, k=4, **kwargs):
            return []

        @classmethod
        def from_texts(cls, texts, embedding, metadatas=None, **kwargs):
            return cls()

    with pytest.raises(ConfigError, match="Unknown rise or fall"):
        as_retriever(Unknown())
    with pytest.raises(ConfigError, match="scores is 'distances'"):
        as_retriever(store(), scores="distances")
    with pytest.raises(ConfigError, match="takes a vector store"):
        as_retriever(store().as_retriever())
    with pytest.raises(ConfigError, match="no similarity_search_with_score"):
        as_retriever(Unknown(), scores="distance").invoke("tea")


@pytest.mark.parametrize(
    ("module", "name", "attributes", "expected"),
    [
        ("langchain_chroma.vectorstores", "Chroma", {}, "distance"),
        ("langchain_community.vectorstores.faiss", "FAISS", {"index": SimpleNamespace(metric_type=1)}, "distance"),
        ("langchain_community.vectorstores.faiss", "FAISS", {"index": SimpleNamespace(metric_type=0)}, "similarity"),
    ],
)
def test_known_stores_tell_their_direction(module, name, attributes, expected) -> None:
    kind = type(
        name, (VectorStore,), {"__module__": module, "similarity_search": None, "from_texts": None, **attributes}
    )
    kind.__abstractmethods__ = frozenset()
    assert as_retriever(kind()).scores == expected


def test_fusion_gets_its_arm() -> None:
    reranker = Reranker(RETRIEVAL_ONLY)
    found = reranker.as_retriever(store(), k=2).invoke("green tea")
    assert next(one.page_content for one in found) == "green tea leaves"
    assert RETRIEVAL_SCORE in found[0].metadata and WARNINGS not in found[0].metadata
    assert Reranker(RETRIEVAL_ONLY, score_key="s").as_retriever(store()).invoke("tea")[0].metadata["s"]


def test_a_missing_arm_is_a_warning_and_strict_refuses_it(caplog) -> None:
    documents = [Document(text) for text in TEXTS]
    fusion = HybridFusion(fusion="rrf", of=["retrieval", "bm25"])
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            ranked = fusion.compress_documents(documents, "green tea")
    assert "as_retriever" in ranked[0].metadata[WARNINGS][0]
    assert sum("as_retriever" in record.message for record in caplog.records) == 1
    strict = HybridFusion(fusion="rrf", of=["retrieval", "bm25"], strict=True)
    with pytest.raises(InputError, match="'retrieval' of this fusion is missing"):
        strict.compress_documents(documents, "green tea")
    with pytest.raises(InputError):
        asyncio.run(strict.acompress_documents(documents, "green tea"))
    strict.compress_documents([Document(text, metadata={"score": 1.0}) for text in TEXTS], "green tea")


def test_scores_of_some_are_kept() -> None:
    core = CoreReranker(fusion="min-max", of=["retrieval"], strict=True)
    ranking = core.rerank("q", [Passage("a"), Passage("b", score=2.0), Passage("c", score=1.0)])
    assert ranking.order[0] == 1 and "1 of 3 candidates" in ranking.warnings[0]


def test_the_embedded_default_needs_no_scores() -> None:
    assert CoreReranker().rerank("tea", TEXTS).warnings == []
