"""FeedbackRetriever: retrieves, reranks, and retrieves again with what the reranker taught the query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from llama_index.core import Settings
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle

from swaprank import Feedback
from swaprank.adapters import Steps, arun, feedback_embedding, run, step

from .postprocessor import Reranker


class FeedbackRetriever(BaseRetriever):
    """Finds what the first retrieval missed: the query embedding moves towards what the reranker puts first.

    What the second retrieval finds is not reranked again; put the reranker behind it as a postprocessor where it
    should be.

    Args:
        retriever: Retrieves by ``QueryBundle.embedding``, as those of a `VectorStoreIndex` do; twice per query.
        reranker: Judges what the first retrieval finds.
        embed_model: The retriever's embedding model; None for the one it holds, as those of a `VectorStoreIndex` do,
            or else ``Settings.embed_model``. A query or a node that brings its embedding is not embedded again.
        how: How many nodes count, and how far the query moves; None for the official code's choice.
        options: LlamaIndex's, such as ``callback_manager``.

    Example:
        ``FeedbackRetriever(index.as_retriever(similarity_top_k=20), Reranker("ms-marco-minilm-l6"))``
    """

    def __init__(
        self,
        retriever: BaseRetriever,
        reranker: Reranker,
        *,
        embed_model: BaseEmbedding | None = None,
        how: Feedback | None = None,
        **options: Any,
    ) -> None:
        self._retriever = retriever
        self._reranker = reranker
        self._embed_model = embed_model
        self._how = how
        super().__init__(**options)

    def moved(self, query_bundle: QueryBundle, nodes: Sequence[NodeWithScore]) -> QueryBundle:
        """The query with the embedding that the reranker's judgement of these nodes teaches it."""
        return run(self._moved(query_bundle, nodes))

    async def amoved(self, query_bundle: QueryBundle, nodes: Sequence[NodeWithScore]) -> QueryBundle:
        """As `moved`, without blocking the event loop."""
        return await arun(self._moved(query_bundle, nodes))

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return run(self._retrieve_twice(query_bundle))

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await arun(self._retrieve_twice(query_bundle))

    def _retrieve_twice(self, query_bundle: QueryBundle) -> Steps[list[NodeWithScore]]:
        retriever = self._retriever
        found = yield from step(retriever.retrieve, retriever.aretrieve, query_bundle)
        if not found:
            return []
        better_query = yield from self._moved(query_bundle, found)
        return (yield from step(retriever.retrieve, retriever.aretrieve, better_query))

    def _moved(self, query_bundle: QueryBundle, nodes: Sequence[NodeWithScore]) -> Steps[QueryBundle]:
        model = self._model()
        query, vector = self._reranker.query(query_bundle), query_bundle.embedding
        if not vector:
            vector = yield from step(
                model.get_agg_embedding_from_queries,
                model.aget_agg_embedding_from_queries,
                query_bundle.embedding_strs,
            )
        vector = yield from feedback_embedding(
            self._reranker.core,
            replace(query, embedding=vector),
            self._reranker.passages(nodes),
            [node.node.get_content(MetadataMode.EMBED) for node in nodes],
            lambda texts: step(model.get_text_embedding_batch, model.aget_text_embedding_batch, texts),
            how=self._how,
        )
        return replace(query_bundle, embedding=vector)

    def _model(self) -> BaseEmbedding:
        """The model whose vectors can stand beside those of the retriever."""
        own = getattr(self._retriever, "_embed_model", None)
        return self._embed_model or (own if isinstance(own, BaseEmbedding) else Settings.embed_model)
