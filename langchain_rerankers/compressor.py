"""Reranker: a document compressor for every reranker a swaprank config can describe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.retrievers import RetrieverLike
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langchain_core.runnables.base import coerce_to_runnable
from langchain_core.vectorstores import VectorStore
from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from swaprank import Passage, Query, Ranking
from swaprank import Reranker as CoreReranker
from swaprank.adapters import (
    RETRIEVAL_SCORE,
    STALE,
    AdapterReranker,
    Embeddings,
    OnRanking,
    Source,
    Steps,
    arun,
    run,
    step,
    thread_step,
    with_embeddings,
)

from .cross_encoder import RerankerCrossEncoder
from .documents import checked_input, runnable_input, score_of, title_of
from .images import images_of_document
from .llm import Provider
from .retriever import RerankingRetriever
from .scored_retriever import as_retriever as scored_retriever
from .usage import report

if TYPE_CHECKING:
    from langchain_core.language_models import BaseLanguageModel

# The metadata key of the new score, as in other compressors.
RELEVANCE_SCORE = "relevance_score"


class Reranker(AdapterReranker, BaseDocumentCompressor):
    """Reorders documents as a swaprank config says.

    Takes what `swaprank.Reranker` takes, in the same words: the name of a recipe, a path, a mapping, or
    nothing for the embedded default, and any key of the config as a keyword.

    The returned documents are copies with the new score in ``metadata["relevance_score"]``; the
    documents handed in stay as they are, and ids, types and other metadata are kept. The first-stage
    score, where `score_key` holds one, is kept as ``retrieval_score``, and what kind the new one is as
    ``rerank_score_kind``. ``rerank_relevance`` is from 0 to 1 and means the same for every query; it is there
    where the scores have a map to it (docs/scores.md). Failures that ``on_error`` dealt with are added as
    ``rerank_failures``, and a model's reasoning as ``rerank_reasoning`` if you ask for it.

    Instruction-aware methods take an instruction per call: a keyword of `compress_documents`, a key of the
    runnable's input, a keyword or a configurable field of the retriever view.

    Args:
        reranker: Recipe name, path, mapping, a ready `swaprank.Reranker`, or None.
        llm: The model of the method or decomposition, in place of a backend; part of no dump. What ``backend: llm``
            means inside a fusion or a cascade.
        score_key: The metadata key of the first-stage score, which fusion reads; default ``"score"``. A
            ``relevance_score`` from before is never read: reranking twice gives the same result.
        title_key: The metadata key of a title that is read before the text; None for no title.
        embedding_key: The metadata key of a stored embedding, for methods with ``reuse_embeddings: true``.
        embeddings: Brings the stored embeddings of texts, for the same methods: one vector per text.
        image_key: The metadata key of a document's images: a path, bytes, a ``data:`` URL, base64, a PIL image, a
            content block, or a list of these; None for the first of ``image``, ``image_base64``, ``image_path`` and
            ``image_url`` that there is. Methods that read images read them (docs/images.md).
        page_content_is_image: Whether the text of a document is the base64 of an image, as langchain-chroma stores it.
        include_reasoning: Write what the model said about each document into its metadata; it can be long,
            and a prompt template that prints metadata prints it too.
        on_ranking: Called with the whole `swaprank.Ranking` of each query: calls, tokens, repairs.
        options: Keys of the config, such as ``top_n=5``, or a ready ``backend=`` object.

    Raises:
        swaprank.ConfigError: An unknown key or impossible value; nothing is loaded before the first use.

    Example:
        ``ContextualCompressionRetriever(base_compressor=Reranker("ara-reranker-v1", top_n=5), base_retriever=r)``
    """

    score_key: str = "score"
    title_key: str | None = None
    embedding_key: str | None = None
    embeddings: SkipJsonSchema[Embeddings | None] = Field(default=None, exclude=True)
    image_key: str | None = None
    page_content_is_image: bool = False

    def __init__(
        self,
        reranker: Source | CoreReranker = None,
        /,
        *,
        config: Mapping[str, Any] | None = None,
        llm: BaseLanguageModel[Any] | None = None,
        score_key: str = "score",
        title_key: str | None = None,
        embedding_key: str | None = None,
        embeddings: Embeddings | None = None,
        image_key: str | None = None,
        page_content_is_image: bool = False,
        include_reasoning: bool = False,
        on_ranking: OnRanking | None = None,
        **options: Any,
    ) -> None:
        fields = {
            "score_key": score_key,
            "title_key": title_key,
            "embedding_key": embedding_key,
            "embeddings": embeddings,
            "image_key": image_key,
            "page_content_is_image": page_content_is_image,
            "include_reasoning": include_reasoning,
            "on_ranking": on_ranking,
        }
        super().__init__(reranker, config=config, llm=Provider(llm), fields=fields, **options)

    @property
    def name(self) -> str:
        """What traces call the work: ``rerank: <recipe or method>``."""
        return f"rerank: {self._core.name}"

    def compress_documents(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: Callbacks | None = None,
        *,
        instruction: str | None = None,
        top_n: int | None = None,
        query_image: Any = None,
    ) -> list[Document]:
        """The documents in their new order, cut to the config's limits; a child run of ``callbacks``.

        Args:
            documents: The candidates, in first-stage order.
            query: The query.
            callbacks: LangChain's.
            instruction: What counts as relevant in this call; overrides the config's. A reranker of which no
                method takes an instruction refuses it.
            top_n: How many documents this call keeps at most; None for as many as the config says.
            query_image: What the query shows beside its text, or in its place: as one of `image_key`.

        Raises:
            swaprank.InputError: There is no query, something is not a document, or `top_n` is no whole number above 0.
            swaprank.BackendError: The model failed and ``on_error`` is ``raise``.
        """
        inputs = runnable_input(documents, query, instruction, top_n, query_image)
        return self.as_runnable().invoke(inputs, _child_config(callbacks)) if inputs["documents"] else []

    async def acompress_documents(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: Callbacks | None = None,
        *,
        instruction: str | None = None,
        top_n: int | None = None,
        query_image: Any = None,
    ) -> list[Document]:
        """As `compress_documents`, without blocking the event loop."""
        inputs = runnable_input(documents, query, instruction, top_n, query_image)
        return await self.as_runnable().ainvoke(inputs, _child_config(callbacks)) if inputs["documents"] else []

    def as_runnable(self) -> Runnable[dict[str, Any], list[Document]]:
        """A runnable from ``{"query": ..., "documents": [...]}`` to documents, for chains with ``|``.

        The input may have an ``"instruction"``, a ``"top_n"`` and a ``"query_image"``; other keys are not read. What
        the ranking took (models, requests, tokens, seconds) is dispatched to callbacks as the custom event
        ``rerank``, and stands in the metadata of the run that LangSmith records.
        """
        return RunnableLambda(self._invoke, afunc=self._ainvoke, name=self.name)

    def __call__(self, inputs: dict[str, Any]) -> list[Document]:
        """Rerank ``{"query": ..., "documents": [...]}``, as a part of a chain: ``chain | reranker``.

        Raises:
            InputError: The input is something else, such as the documents of a retriever without their query.
        """
        return self.as_runnable().invoke(inputs)

    def __ror__(self, other: Any) -> Runnable[Any, list[Document]]:
        """``{"query": ..., "documents": retriever} | reranker``."""
        chain: Runnable[Any, list[Document]] = coerce_to_runnable(other) | self.as_runnable()
        return chain

    def __or__(self, other: Any) -> Runnable[dict[str, Any], Any]:
        """``reranker | prompt``, as the first part of a chain."""
        chain: Runnable[dict[str, Any], Any] = self.as_runnable() | other
        return chain

    def as_retriever(self, base_retriever: RetrieverLike | VectorStore, *, k: int | None = None) -> RerankingRetriever:
        """A retriever that reranks what another one finds.

        Args:
            base_retriever: Finds the candidates. A vector store brings 50 with their scores, as
                `langchain_rerankers.as_retriever` does.
            k: Most documents to return, also per call by ``invoke(query, k=...)``; None for all kept.
        """
        if isinstance(base_retriever, VectorStore):
            base_retriever = scored_retriever(base_retriever, score_key=self.score_key)
        return RerankingRetriever(base_retriever=base_retriever, reranker=self, k=k)

    def as_cross_encoder(self) -> RerankerCrossEncoder:
        """A `BaseCrossEncoder`, for other people's components that score text pairs."""
        return RerankerCrossEncoder(reranker=self._core)

    def _invoke(self, inputs: dict[str, Any]) -> list[Document]:
        return run(self._rerank(*checked_input(inputs)))

    async def _ainvoke(self, inputs: dict[str, Any]) -> list[Document]:
        return await arun(self._rerank(*checked_input(inputs)))

    def _rerank(self, query: Query, documents: list[Document], top_n: int | None) -> Steps[list[Document]]:
        if self.embeddings is None:
            passages = self.passages(documents)
        else:
            # What brings the embeddings may ask a store.
            passages = yield from thread_step(self.passages, documents)
        ranking = yield from step(self._core.rerank, self._core.arerank, query, passages, top_n=top_n)
        yield from report(self._usage(ranking))
        return self._ranked_documents(documents, ranking)

    def passages(self, documents: Sequence[Document]) -> list[Passage]:
        """The documents as the core reads them."""
        passages = [
            Passage(
                text="" if self.page_content_is_image else document.page_content,
                id=document.id,
                title=title_of(document, self.title_key),
                score=score_of(document, self.score_key),
                metadata=document.metadata,
                embedding=None if self.embedding_key is None else document.metadata.get(self.embedding_key),
                images=images_of_document(document, self.image_key, content=self.page_content_is_image),
            )
            for document in documents
        ]
        return with_embeddings(passages, self.embeddings)

    def _ranked_documents(self, documents: Sequence[Document], ranking: Ranking) -> list[Document]:
        ranked_documents = []
        for ranked, metadata in self._results(ranking):
            given = documents[ranked.index]
            kept = {key: value for key, value in given.metadata.items() if key not in STALE}
            if RETRIEVAL_SCORE in kept:
                metadata.pop(RETRIEVAL_SCORE, None)
            updated = {**kept, RELEVANCE_SCORE: ranked.score, **metadata}
            ranked_documents.append(given.model_copy(update={"metadata": updated}))
        return ranked_documents


def _child_config(callbacks: Callbacks | None) -> RunnableConfig | None:
    """The config of a child run; without callbacks the surrounding run, if any, is the parent."""
    return None if callbacks is None else RunnableConfig(callbacks=callbacks)
