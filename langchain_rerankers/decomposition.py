"""QuestionDecomposition: a document compressor that retrieves for the parts of a question."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from langchain_core.documents import Document
from langchain_core.retrievers import RetrieverLike
from pydantic import Field

from swaprank import Query
from swaprank import Reranker as CoreReranker
from swaprank.adapters import DECOMPOSITION_CONFIG, ConfigKind, Source, Steps, retrieve_for_parts, step

from .compressor import Reranker


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

    _kind: ClassVar[ConfigKind] = DECOMPOSITION_CONFIG

    def __init__(
        self, reranker: Source | CoreReranker = None, /, *, retriever: RetrieverLike | None = None, **options: Any
    ) -> None:
        super().__init__(reranker, retriever=retriever, **options)

    def _rerank(self, query: Query, documents: list[Document], top_n: int | None) -> Steps[list[Document]]:
        retriever = self.retriever
        if retriever is not None:
            query, documents = yield from retrieve_for_parts(
                self._core,
                query,
                documents,
                lambda texts: step(retriever.batch, retriever.abatch, texts),
                key=self._identity,
                unscored=self._unscored,
            )
        return (yield from super()._rerank(query, documents, top_n))

    def _identity(self, document: Document) -> str:
        if document.id is not None:
            return document.id
        return json.dumps([document.page_content, self._unscored(document).metadata], sort_keys=True, default=repr)

    def _unscored(self, document: Document) -> Document:
        metadata = {key: value for key, value in document.metadata.items() if key != self.score_key}
        return document.model_copy(update={"metadata": metadata})
