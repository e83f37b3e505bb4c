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
from swaprank.stages.feedback import with_embeddings

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
        model, core = self._embeddings(), self.reranker.core
        asked = Query(query, embedding=model.embed_query(query))
        passages = with_embeddings(self.reranker.passages(documents), model.embed_documents)
        return core.feedback(asked, core.rerank(asked, passages), how=self.how)

    async def amoved(self, query: str, documents: list[Document]) -> list[float]:
        """As `moved`, without blocking the event loop."""
        model, core = self._embeddings(), self.reranker.core
        asked = Query(query, embedding=await model.aembed_query(query))
        passages = self.reranker.passages(documents)
        missing = [passage.content for passage in passages if passage.embedding is None]
        vectors = await model.aembed_documents(missing) if missing else []
        ranking = await core.arerank(asked, with_embeddings(passages, lambda _: vectors))
        return await core.afeedback(asked, ranking, how=self.how)

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        found = self.vectorstore.similarity_search(query, k=self.first_k, **kwargs)
        if not found:
            return []
        return self.vectorstore.similarity_search_by_vector(self.moved(query, found), k=self.k, **kwargs)

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        found = await self.vectorstore.asimilarity_search(query, k=self.first_k, **kwargs)
        if not found:
            return []
        vector = await self.amoved(query, found)
        return await self.vectorstore.asimilarity_search_by_vector(vector, k=self.k, **kwargs)

    def _embeddings(self) -> Embeddings:
        model = self.embeddings or self.vectorstore.embeddings
        if model is None:
            raise ConfigError(
                f"The {type(self.vectorstore).__name__} does not say which model embeds its documents.",
                hint="Give embeddings=<the model>.",
            )
        return model
