"""Reranker: a document compressor for every reranker a swaprank config can describe."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar, Self

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.retrievers import RetrieverLike
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from pydantic import ConfigDict, Field, PrivateAttr
from pydantic.json_schema import SkipJsonSchema

from swaprank import Passage, Query, Ranking
from swaprank import Reranker as CoreReranker
from swaprank.adapters import construction
from swaprank.adapters.metadata import RETRIEVAL_SCORE, STALE, rerank_metadata
from swaprank.config.load import Source
from swaprank.stages.feedback import Embeddings, with_embeddings

from .cross_encoder import RerankerCrossEncoder
from .llm import Provider
from .retriever import RerankingRetriever

if TYPE_CHECKING:
    from langchain_core.language_models import BaseLanguageModel

# The metadata key of the new score, as in other compressors.
RELEVANCE_SCORE = "relevance_score"

OnRanking = Callable[[Ranking], None]
Preset = construction.Preset


class Reranker(BaseDocumentCompressor):
    """Reorders documents as a swaprank config says.

    Takes what `swaprank.Reranker` takes, in the same words: the name of a recipe, a path, a mapping, or
    nothing for the embedded default, and any key of the config as a keyword.

    The returned documents are copies with the new score in ``metadata["relevance_score"]``; the
    documents handed in stay as they are, and ids, types and other metadata are kept. The first-stage
    score, where `score_key` holds one, is kept as ``retrieval_score``, and what kind the new one is as
    ``rerank_score_kind``; bridged failures are added where there are any (``rerank_failures``), and a
    model's reasoning if you ask for it (``rerank_reasoning``).

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
        include_reasoning: Write what the model said about each document into its metadata; it can be long,
            and a prompt template that prints metadata prints it too.
        on_ranking: Called with the whole `swaprank.Ranking` of each query: calls, tokens, repairs.
        options: Keys of the config, such as ``top_n=5``, or a ready ``backend=`` object.

    Raises:
        swaprank.ConfigError: An unknown key or impossible value; nothing is loaded before the first use.

    Example:
        ``ContextualCompressionRetriever(base_compressor=Reranker("ara-reranker-v1", top_n=5), base_retriever=r)``
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    config: dict[str, Any] = Field(frozen=True, description="The swaprank config, without secrets.")
    score_key: str = "score"
    title_key: str | None = None
    embedding_key: str | None = None
    embeddings: SkipJsonSchema[Embeddings | None] = Field(default=None, exclude=True)
    include_reasoning: bool = False
    on_ranking: SkipJsonSchema[OnRanking | None] = Field(default=None, exclude=True)

    _preset: ClassVar[Preset] = staticmethod(construction.any_kind)
    _core: CoreReranker = PrivateAttr()

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
        include_reasoning: bool = False,
        on_ranking: OnRanking | None = None,
        **options: Any,
    ) -> None:
        core = construction.from_adapter(
            type(self)._preset, reranker, config, options, Provider(llm), Reranker.model_fields
        )
        fields = {
            "config": core.to_config(),
            "score_key": score_key,
            "title_key": title_key,
            "embedding_key": embedding_key,
            "embeddings": embeddings,
            "include_reasoning": include_reasoning,
            "on_ranking": on_ranking,
        }
        super().__init__(**fields)
        self._core = core

    @classmethod
    def from_config(cls, config: Source, **options: Any) -> Self:
        """The compressor that a path, a mapping or a recipe name describes."""
        return cls(config, **options)

    def to_config(self) -> dict[str, Any]:
        """The config, without secrets; loads nothing."""
        return self._core.to_config()

    @property
    def core(self) -> CoreReranker:
        """The reranker behind this compressor."""
        return self._core

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
    ) -> list[Document]:
        """The documents in their new order, cut to the config's limits; a child run of ``callbacks``.

        Args:
            documents: The candidates, in first-stage order.
            query: The query.
            callbacks: LangChain's.
            instruction: What counts as relevant in this call; overrides the config's. A reranker of which no
                method takes an instruction refuses it.
        """
        if not documents:
            return []
        asked = _asked(documents, query, instruction)
        return self.as_runnable().invoke(asked, _under(callbacks))

    async def acompress_documents(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: Callbacks | None = None,
        *,
        instruction: str | None = None,
    ) -> list[Document]:
        """As `compress_documents`, without blocking the event loop."""
        if not documents:
            return []
        asked = _asked(documents, query, instruction)
        return await self.as_runnable().ainvoke(asked, _under(callbacks))

    def as_runnable(self) -> Runnable[dict[str, Any], list[Document]]:
        """A runnable from ``{"query": ..., "documents": [...]}`` to documents, for chains with ``|``.

        The input may have an ``"instruction"``; other keys are not read.
        """
        return RunnableLambda(self._rerank, afunc=self._arerank, name=self.name)

    def as_retriever(self, base_retriever: RetrieverLike, *, k: int | None = None) -> RerankingRetriever:
        """A retriever that reranks what another one finds.

        Args:
            base_retriever: Finds the candidates.
            k: Most documents to return, also per call by ``invoke(query, k=...)``; None for all kept.
        """
        return RerankingRetriever(base_retriever=base_retriever, reranker=self, k=k)

    def as_cross_encoder(self) -> RerankerCrossEncoder:
        """A `BaseCrossEncoder`, for other people's components that score text pairs."""
        return RerankerCrossEncoder(reranker=self._core)

    def _rerank(self, asked: dict[str, Any]) -> list[Document]:
        return self._ordered(asked["query"], asked["documents"], asked.get("instruction"))

    async def _arerank(self, asked: dict[str, Any]) -> list[Document]:
        return await self._aordered(asked["query"], asked["documents"], asked.get("instruction"))

    def _ordered(
        self, query: str | Query, documents: Sequence[Document], instruction: str | None = None
    ) -> list[Document]:
        return self._answer(documents, self._core.rerank(query, self.passages(documents), instruction=instruction))

    async def _aordered(
        self, query: str | Query, documents: Sequence[Document], instruction: str | None = None
    ) -> list[Document]:
        # What brings the embeddings may ask a store.
        passages = (
            self.passages(documents) if self.embeddings is None else await asyncio.to_thread(self.passages, documents)
        )
        return self._answer(documents, await self._core.arerank(query, passages, instruction=instruction))

    def passages(self, documents: Sequence[Document]) -> list[Passage]:
        """The documents as the core reads them."""
        passages = [
            Passage(
                text=document.page_content,
                id=document.id,
                title=None if self.title_key is None else document.metadata.get(self.title_key),
                score=float(score) if isinstance(score := document.metadata.get(self.score_key), Real) else None,
                embedding=None if self.embedding_key is None else document.metadata.get(self.embedding_key),
            )
            for document in documents
        ]
        return with_embeddings(passages, self.embeddings)

    def _answer(self, documents: Sequence[Document], ranking: Ranking) -> list[Document]:
        if self.on_ranking is not None:
            self.on_ranking(ranking)
        answer = []
        for ranked in ranking.passages:
            given = documents[ranked.index]
            metadata = {key: value for key, value in given.metadata.items() if key not in STALE}
            if ranked.passage.score is not None:
                metadata.setdefault(RETRIEVAL_SCORE, ranked.passage.score)
            metadata[RELEVANCE_SCORE] = ranked.score
            metadata |= rerank_metadata(ranking, ranked, reasoning=self.include_reasoning)
            answer.append(given.model_copy(update={"metadata": metadata}))
        return answer

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the core, which pickles its config and never a model."""
        return {"core": self._core, **{key: getattr(self, key) for key in type(self).model_fields if key != "config"}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        options = dict(state)
        self.__init__(options.pop("core"), **options)  # type: ignore[misc]


def _asked(documents: Sequence[Document], query: str, instruction: str | None) -> dict[str, Any]:
    """The input of the runnable; traces show an instruction only where there is one."""
    asked = {"query": query, "documents": list(documents)}
    return asked if instruction is None else {**asked, "instruction": instruction}


def _under(callbacks: Callbacks | None) -> RunnableConfig | None:
    """The config of a child run; without callbacks the surrounding run, if any, is the parent."""
    return None if callbacks is None else RunnableConfig(callbacks=callbacks)
