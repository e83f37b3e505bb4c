"""QuestionDecomposition: a node postprocessor that retrieves for the parts of a question."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, ClassVar

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import NodeWithScore
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from swaprank import Query
from swaprank import Reranker as CoreReranker
from swaprank.adapters import DECOMPOSITION_CONFIG, ConfigKind, Source, Steps, retrieve_for_parts, step

from .postprocessor import Reranker


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

    _kind: ClassVar[ConfigKind] = DECOMPOSITION_CONFIG

    def __init__(
        self, reranker: Source | CoreReranker = None, /, *, retriever: BaseRetriever | None = None, **options: Any
    ) -> None:
        super().__init__(reranker, retriever=retriever, **options)

    @classmethod
    def class_name(cls) -> str:
        """The name LlamaIndex writes into dumps."""
        return "SwaprankQuestionDecomposition"

    def _rerank(self, query: Query, nodes: list[NodeWithScore], top_n: int | None) -> Steps[list[NodeWithScore]]:
        if self.retriever is not None and nodes:
            query, nodes = yield from retrieve_for_parts(
                self._core, query, nodes, partial(_retrieve, self.retriever), key=_node_id, unscored=_unscored
            )
        return (yield from super()._rerank(query, nodes, top_n))


def _retrieve(retriever: BaseRetriever, texts: list[str]) -> Steps[list[list[NodeWithScore]]]:
    def one_by_one() -> list[list[NodeWithScore]]:
        return [retriever.retrieve(text) for text in texts]

    async def all_at_once() -> list[list[NodeWithScore]]:
        return await asyncio.gather(*(retriever.aretrieve(text) for text in texts))

    return (yield from step(one_by_one, all_at_once))


def _node_id(node: NodeWithScore) -> str:
    return node.node.node_id


def _unscored(node: NodeWithScore) -> NodeWithScore:
    return node.model_copy(update={"score": None})
