"""RerankingRetriever: a retriever that reranks what another one finds."""

from __future__ import annotations

from operator import index
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.retrievers import BaseRetriever, RetrieverLike
from pydantic import ConfigDict, Field

from swaprank import InputError
from swaprank.adapters import AdapterReranker, shown


class RerankingRetriever(BaseRetriever):
    """Finds with one component, reranks with another.

    Attributes:
        base_retriever: Finds the candidates.
        reranker: Any document compressor; ours by `Reranker.as_retriever`.
        k: Most documents to return; ``invoke(query, k=...)`` overrides it for one call, and so does ``top_n=...``, the
            word of our compressors.
        instruction: What counts as relevant, for instruction-aware rerankers of ours; overrides their config.
            ``invoke(query, instruction=...)`` overrides it for one call, and
            ``configurable_fields(instruction=ConfigurableField("instruction"))`` lets the config of a chain do
            so.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    base_retriever: RetrieverLike
    reranker: BaseDocumentCompressor
    k: int | None = Field(default=None, ge=1)
    instruction: str | None = None

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,
        k: int | None = None,
        top_n: int | None = None,
        instruction: str | None = None,
        **kwargs: Any,
    ) -> list[Document]:
        most = self._most(k, top_n)
        found = self.base_retriever.invoke(query, config={"callbacks": run_manager.get_child()}, **kwargs)
        ranked = self.reranker.compress_documents(
            found, query, callbacks=run_manager.get_child(), **self._options(instruction, most)
        )
        return list(ranked)[: self.k if most is None else most]

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,
        k: int | None = None,
        top_n: int | None = None,
        instruction: str | None = None,
        **kwargs: Any,
    ) -> list[Document]:
        most = self._most(k, top_n)
        found = await self.base_retriever.ainvoke(query, config={"callbacks": run_manager.get_child()}, **kwargs)
        ranked = await self.reranker.acompress_documents(
            found, query, callbacks=run_manager.get_child(), **self._options(instruction, most)
        )
        return list(ranked)[: self.k if most is None else most]

    def _most(self, k: Any, top_n: Any) -> int | None:
        """How many documents this call is to return at most; None where it does not say."""
        given = {name: most for name, most in (("k", k), ("top_n", top_n)) if most is not None}
        for name, most in given.items():
            if isinstance(most, bool) or not hasattr(most, "__index__") or index(most) < 1:
                hint = "Give a whole number of at least 1, or None for all documents."
                raise InputError(f"{name} is {shown(most)}.", hint=hint)
        return min(map(index, given.values()), default=None)

    def _options(self, instruction: str | None, most: int | None) -> dict[str, Any]:
        """Keywords of our compressors, which other people's do not have: the call's own instruction and limit."""
        instruction = self.instruction if instruction is None else instruction
        options = {} if instruction is None else {"instruction": instruction}
        return options | ({"top_n": most} if most and isinstance(self.reranker, AdapterReranker) else {})
