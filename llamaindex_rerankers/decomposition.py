"""QuestionDecomposition: a node postprocessor that retrieves for the parts of a question."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from swaprank import Decomposed
from swaprank import Reranker as CoreReranker
from swaprank.adapters import construction
from swaprank.config.load import Source
from swaprank.errors import BackendError
from swaprank.stages.pooling import pooled

from .postprocessor import Preset, Reranker, dispatcher


class QuestionDecomposition(Reranker):
    """Splits the question by an LLM, retrieves for its parts, and reranks the pool against the question.

    Takes the ``decomposition`` configs of `Reranker`, in the same words. With a retriever the pool is the given nodes
    and the first `k` that it finds for the question and for each part, merged by node id; without one it is the
    best `k` of the given nodes for each. A question that needs no splitting costs one LLM call and nothing else.

    The sub-questions a node was found for are added as metadata ``rerank_sub_questions``. A node that was found for
    a part only brings no retrieval score, for it would be a score for another question.

    Args:
        reranker: As in `Reranker`.
        retriever: Finds nodes for the question and its parts; not part of the config, so a copy from
            `from_dict` has none.
        options: As in `Reranker`; ``backend=`` is the LLM's.

    Example:
        ``QuestionDecomposition(model="Qwen/Qwen3-4B", backend="vllm", rerank="bge-reranker-v2-m3", retriever=r)``
    """

    retriever: SkipJsonSchema[BaseRetriever | None] = Field(default=None, exclude=True)

    _preset: ClassVar[Preset] = staticmethod(construction.decomposition)

    def __init__(
        self,
        reranker: Source | CoreReranker = None,
        /,
        *,
        config: Mapping[str, Any] | None = None,
        retriever: BaseRetriever | None = None,
        **options: Any,
    ) -> None:
        super().__init__(reranker, config=config, **options)
        self.retriever = retriever

    @classmethod
    def class_name(cls) -> str:
        """The name LlamaIndex writes into dumps."""
        return "SwaprankQuestionDecomposition"

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        query, passages = self.question(nodes, query_bundle)
        if self.retriever is None or not nodes:
            return self._rerank(query, passages, nodes)
        try:
            parts = self._core.decompose(query)
        except BackendError:
            # The reranker asks again, and does what `on_error` says.
            return self._rerank(query, passages, nodes)
        if parts.sub_questions:
            found = [self.retriever.retrieve(text) for text in (query.text, *parts.sub_questions)]
            nodes, parts = _pool(nodes, found, parts)
            _, passages = self.question(nodes, query_bundle)
        return self._rerank(replace(query, decomposed=parts), passages, nodes)

    @dispatcher.span
    async def _apostprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        query, passages = self.question(nodes, query_bundle)
        if self.retriever is None or not nodes:
            return await self._arerank(query, passages, nodes)
        try:
            parts = await self._core.adecompose(query)
        except BackendError:
            return await self._arerank(query, passages, nodes)
        if parts.sub_questions:
            texts = (query.text, *parts.sub_questions)
            found = await asyncio.gather(*(self.retriever.aretrieve(text) for text in texts))
            nodes, parts = _pool(nodes, found, parts)
            _, passages = self.question(nodes, query_bundle)
        return await self._arerank(replace(query, decomposed=parts), passages, nodes)

    def __getstate__(self) -> dict[str, Any]:
        """As of the base, and the retriever, which must be picklable."""
        return {**super().__getstate__(), "retriever": self.retriever}


def _pool(
    nodes: Sequence[NodeWithScore], found: Sequence[Sequence[NodeWithScore]], parts: Decomposed
) -> tuple[list[NodeWithScore], Decomposed]:
    """The given and the retrieved nodes merged by id, and the parts with what was found for each."""
    lists = [list(one[: parts.k]) for one in found]
    lists[0] = [*nodes, *lists[0]]
    members, places = pooled([[node.node.node_id for node in one] for one in lists])
    pool = [
        lists[row][column] if row == 0 else lists[row][column].model_copy(update={"score": None})
        for row, column in members
    ]
    return pool, replace(parts, found=places)
