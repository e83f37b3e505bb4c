"""FeedbackRetriever: retrieves, reranks, and retrieves again with what the reranker taught the query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from llama_index.core import Settings
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle

from swaprank import Feedback, Passage, Query

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
        model = self._model()
        vector = query_bundle.embedding or model.get_agg_embedding_from_queries(query_bundle.embedding_strs)
        texts = _unembedded(nodes)
        query, passages = self._asked(query_bundle, nodes, vector, model.get_text_embedding_batch(texts))
        core = self._reranker.core
        return replace(query_bundle, embedding=core.feedback(query, core.rerank(query, passages), how=self._how))

    async def amoved(self, query_bundle: QueryBundle, nodes: Sequence[NodeWithScore]) -> QueryBundle:
        """As `moved`, without blocking the event loop."""
        model = self._model()
        vector = query_bundle.embedding or await model.aget_agg_embedding_from_queries(query_bundle.embedding_strs)
        texts = _unembedded(nodes)
        query, passages = self._asked(query_bundle, nodes, vector, await model.aget_text_embedding_batch(texts))
        core = self._reranker.core
        ranking = await core.arerank(query, passages)
        return replace(query_bundle, embedding=await core.afeedback(query, ranking, how=self._how))

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        found = self._retriever.retrieve(query_bundle)
        return self._retriever.retrieve(self.moved(query_bundle, found)) if found else []

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        found = await self._retriever.aretrieve(query_bundle)
        return await self._retriever.aretrieve(await self.amoved(query_bundle, found)) if found else []

    def _model(self) -> BaseEmbedding:
        """The model whose vectors can stand beside those of the retriever."""
        own = getattr(self._retriever, "_embed_model", None)
        return self._embed_model or (own if isinstance(own, BaseEmbedding) else Settings.embed_model)

    def _asked(
        self,
        query_bundle: QueryBundle,
        nodes: Sequence[NodeWithScore],
        vector: Sequence[float],
        missing: Sequence[Sequence[float]],
    ) -> tuple[Query, list[Passage]]:
        """What the reranker is asked, the embeddings that were missing filled in."""
        query, passages = self._reranker.question(nodes, query_bundle)
        rest = iter(missing)
        filled = [
            passage if passage.embedding is not None else replace(passage, embedding=next(rest)) for passage in passages
        ]
        return replace(query, embedding=vector), filled


def _unembedded(nodes: Sequence[NodeWithScore]) -> list[str]:
    """What the embedding model reads of the nodes that bring no embedding."""
    return [node.node.get_content(MetadataMode.EMBED) for node in nodes if node.node.embedding is None]
