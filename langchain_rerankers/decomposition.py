"""QuestionDecomposition: a document compressor that retrieves for the parts of a question."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from langchain_core.documents import Document
from langchain_core.retrievers import RetrieverLike
from pydantic import Field

from swaprank import Decomposed, Query
from swaprank import Reranker as CoreReranker
from swaprank.adapters import construction
from swaprank.config.load import Source
from swaprank.errors import BackendError
from swaprank.stages.pooling import pooled

from .compressor import Preset, Reranker


class QuestionDecomposition(Reranker):
    """Splits the question by an LLM, retrieves for its parts, and reranks the pool against the question.

    Takes the ``decomposition`` configs of `Reranker`, in the same words. With a retriever the pool is the given
    documents and the first `k` that it finds for the question and for each part, merged by ``id`` (by text and
    metadata where there is none); without one it is the best `k` of the given documents for each. A question that
    needs no splitting costs one LLM call and nothing else.

    The sub-questions a document was found for are added as metadata ``rerank_sub_questions``. A document that was
    found for a part only brings no first-stage score, for it would be a score for another question.

    Args:
        reranker: As in `Reranker`.
        retriever: Finds documents for the question and its parts, all at a time.
        options: As in `Reranker`; ``backend=`` is the LLM's.

    Example:
        ``QuestionDecomposition(model="Qwen/Qwen3-4B", backend="vllm", rerank="bge-reranker-v2-m3", retriever=r)``
    """

    retriever: RetrieverLike | None = Field(default=None, exclude=True)

    _preset: ClassVar[Preset] = staticmethod(construction.decomposition)

    def __init__(
        self,
        reranker: Source | CoreReranker = None,
        /,
        *,
        config: Mapping[str, Any] | None = None,
        retriever: RetrieverLike | None = None,
        **options: Any,
    ) -> None:
        super().__init__(reranker, config=config, **options)
        self.retriever = retriever

    def _rerank(self, asked: dict[str, Any]) -> list[Document]:
        query, documents = Query(asked["query"]), asked["documents"]
        if self.retriever is None:
            return self._ordered(query, documents)
        try:
            parts = self._core.decompose(query)
        except BackendError:
            # The reranker asks again, and does what `on_error` says.
            return self._ordered(query, documents)
        if parts.sub_questions:
            found = self.retriever.batch([query.text, *parts.sub_questions])
            documents, parts = self._pool(documents, found, parts)
        return self._ordered(replace(query, decomposed=parts), documents)

    async def _arerank(self, asked: dict[str, Any]) -> list[Document]:
        query, documents = Query(asked["query"]), asked["documents"]
        if self.retriever is None:
            return await self._aordered(query, documents)
        try:
            parts = await self._core.adecompose(query)
        except BackendError:
            return await self._aordered(query, documents)
        if parts.sub_questions:
            found = await self.retriever.abatch([query.text, *parts.sub_questions])
            documents, parts = self._pool(documents, found, parts)
        return await self._aordered(replace(query, decomposed=parts), documents)

    def _pool(
        self, documents: Sequence[Document], found: Sequence[Sequence[Document]], parts: Decomposed
    ) -> tuple[list[Document], Decomposed]:
        """The given and the retrieved documents merged, and the parts with what was found for each."""
        lists = [list(one[: parts.k]) for one in found]
        lists[0] = [*documents, *lists[0]]
        members, places = pooled([[self._identity(document) for document in one] for one in lists])
        pool = [lists[row][column] if row == 0 else self._unscored(lists[row][column]) for row, column in members]
        return pool, replace(parts, found=places)

    def _identity(self, document: Document) -> str:
        if document.id is not None:
            return document.id
        return json.dumps([document.page_content, self._unscored(document).metadata], sort_keys=True, default=repr)

    def _unscored(self, document: Document) -> Document:
        metadata = {key: value for key, value in document.metadata.items() if key != self.score_key}
        return document.model_copy(update={"metadata": metadata})

    def __getstate__(self) -> dict[str, Any]:
        """As of the base, and the retriever, which must be picklable."""
        return {**super().__getstate__(), "retriever": self.retriever}
