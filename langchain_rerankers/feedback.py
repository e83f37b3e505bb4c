"""FeedbackRetriever: retrieves, reranks, and retrieves again with what the reranker taught the query."""

from __future__ import annotations

from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from langchain_core.vectorstores import VectorStore
from pydantic import ConfigDict, Field

from swaprank import ConfigError, Feedback, Query
from swaprank.adapters import Steps, arun, feedback_embedding, run, step

from .compressor import Reranker


class FeedbackRetriever(BaseRetriever):
    """Finds what the first retrieval missed: the query embedding moves towards what the reranker puts first.

    What the second retrieval finds is not reranked again; ``Reranker.as_retriever(FeedbackRetriever(...))`` does.

    Attributes:
        vectorstore: Searched by text, then by vector.
        reranker: Judges what the first search finds.
        embeddings: The store's embedding model; None for ``vectorstore.embeddings``. Documents whose metadata hold
            their embedding (`Reranker.embedding_key`) are not embedded again.
        k: Most documents to return.
        first_k: How many documents the first search brings.
        how: How many of them count, and how far the query moves; None for the official code's choice.

    Example:
        ``FeedbackRetriever(vectorstore=store, reranker=Reranker("ms-marco-minilm-l6"), k=10)``
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    vectorstore: VectorStore
    reranker: Reranker
    embeddings: Embeddings | None = None
    k: int = Field(default=10, ge=1)
    first_k: int = Field(default=20, ge=1)
    how: Feedback | None = None

    def moved(self, query: str, documents: list[Document]) -> list[float]:
        """The query embedding that the reranker's judgement of these documents teaches."""
        return run(self._moved(query, documents))

    async def amoved(self, query: str, documents: list[Document]) -> list[float]:
        """As `moved`, without blocking the event loop."""
        return await arun(self._moved(query, documents))

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        return run(self._retrieve_twice(query, **kwargs))

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        return await arun(self._retrieve_twice(query, **kwargs))

    def _retrieve_twice(self, query: str, **kwargs: Any) -> Steps[list[Document]]:
        store = self.vectorstore
        found = yield from step(store.similarity_search, store.asimilarity_search, query, k=self.first_k, **kwargs)
        if not found:
            return []
        vector = yield from self._moved(query, found)
        return (
            yield from step(
                store.similarity_search_by_vector, store.asimilarity_search_by_vector, vector, k=self.k, **kwargs
            )
        )

    def _moved(self, query: str, documents: list[Document]) -> Steps[list[float]]:
        model = self._embeddings()
        vector = yield from step(model.embed_query, model.aembed_query, query)
        passages = self.reranker.passages(documents)
        return (
            yield from feedback_embedding(
                self.reranker.core,
                Query(query, embedding=vector),
                passages,
                [passage.content for passage in passages],
                lambda texts: step(model.embed_documents, model.aembed_documents, texts),
                how=self.how,
            )
        )

    def _embeddings(self) -> Embeddings:
        model = self.embeddings or self.vectorstore.embeddings
        if model is None:
            raise ConfigError(
                f"The {type(self.vectorstore).__name__} does not say which model embeds its documents.",
                hint="Give embeddings=<the model>.",
            )
        return model
