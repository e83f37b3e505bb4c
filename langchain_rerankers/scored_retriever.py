"""ScoredRetriever: a vector store's documents with their scores, which LangChain's own retrievers throw away."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, Literal

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.vectorstores import VectorStore
from pydantic import ConfigDict, Field

from swaprank import ConfigError, InputError

Direction = Literal["similarity", "distance"]

# The numbers that FAISS gives its metrics: faiss.METRIC_INNER_PRODUCT and faiss.METRIC_L2.
_FAISS_METRICS: dict[int, Direction] = {0: "similarity", 1: "distance"}
# How far rounding may bring neighbours out of order.
_SLACK = 1e-6


class ScoredRetriever(BaseRetriever):
    """Finds documents in a vector store and writes their scores into their metadata, higher being better.

    A distance is written with its sign changed. The documents are copies; those of the store stay as they are.

    Attributes:
        vectorstore: What is searched, by ``similarity_search_with_score``.
        k: Most documents to return; ``invoke(query, k=...)`` overrides it for one call.
        scores: What the store's scores are: ``"similarity"`` rises with relevance, ``"distance"`` falls.
        score_key: The metadata key that gets them; the reranker's `Reranker.score_key`.
        search_kwargs: What else the search takes, such as ``filter``.
    """

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    vectorstore: VectorStore
    k: int = Field(default=50, ge=1)
    scores: Direction
    score_key: str = "score"
    search_kwargs: dict[str, Any] = Field(default_factory=dict)

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        try:
            found = self.vectorstore.similarity_search_with_score(query, **self._arguments(kwargs))
        except NotImplementedError as error:
            raise self._without_scores() from error
        return self._scored(found)

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        try:
            found = await self.vectorstore.asimilarity_search_with_score(query, **self._arguments(kwargs))
        except NotImplementedError as error:
            raise self._without_scores() from error
        return self._scored(found)

    def _arguments(self, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        return {"k": self.k, **self.search_kwargs, **kwargs}

    def _scored(self, found: list[tuple[Document, float]]) -> list[Document]:
        """The documents with their scores.

        Raises:
            InputError: Their order, which is best first, says that the scores run the other way.
        """
        numbers = [float(score) for _, score in found]
        self._check(numbers)
        sign = -1.0 if self.scores == "distance" else 1.0
        return [
            document.model_copy(update={"metadata": {**document.metadata, self.score_key: sign * number}})
            for (document, _), number in zip(found, numbers, strict=True)
        ]

    def _check(self, numbers: list[float]) -> None:
        falling = [a - b for a, b in itertools.pairwise(numbers)]
        rises, falls = any(step < -_SLACK for step in falling), any(step > _SLACK for step in falling)
        wrong = rises and not falls if self.scores == "similarity" else falls and not rises
        if wrong:
            other = "distance" if self.scores == "similarity" else "similarity"
            raise InputError(
                f"The scores of this {type(self.vectorstore).__name__}, best document first, go from {numbers[0]:g} to "
                f"{numbers[-1]:g}, which is not what a {self.scores} does.",
                hint=f'Say scores="{other}".',
            )

    def _without_scores(self) -> ConfigError:
        return ConfigError(
            f"{type(self.vectorstore).__name__} has no similarity_search_with_score, so its scores cannot be had.",
            hint="Use vectorstore.as_retriever() and a fusion without 'retrieval', which takes their order instead.",
        )


def as_retriever(
    vectorstore: VectorStore,
    k: int = 50,
    *,
    scores: Direction | None = None,
    score_key: str = "score",
    **search_kwargs: Any,
) -> ScoredRetriever:
    """A retriever that brings the first-stage scores, for fusion with ``retrieval`` and for ``retrieval_score``.

    Args:
        vectorstore: What is searched.
        k: How many candidates it brings.
        scores: ``"similarity"`` where the store's scores rise with relevance, ``"distance"`` where they fall. None asks
            the store, where it is one that tells: `InMemoryVectorStore`, `Chroma` and `FAISS`.
        score_key: The metadata key that gets the scores, higher being better whatever the store's do.
        search_kwargs: What else the search takes, such as ``filter``.

    Raises:
        swaprank.ConfigError: The store is not known, and nothing is said of its scores.

    Example:
        ``Reranker("embedded").as_retriever(as_retriever(vectorstore, k=50), k=5)``
    """
    if not isinstance(vectorstore, VectorStore):
        raise ConfigError(
            f"as_retriever takes a vector store, and got a {type(vectorstore).__name__}.",
            hint="A retriever goes into Reranker(...).as_retriever(base_retriever) as it is.",
        )
    if scores not in ("similarity", "distance", None):
        raise ConfigError(f"scores is {scores!r}.", hint='Say "similarity" or "distance".')
    return ScoredRetriever(
        vectorstore=vectorstore,
        k=k,
        scores=scores or direction(vectorstore),
        score_key=score_key,
        search_kwargs=search_kwargs,
    )


def direction(vectorstore: VectorStore) -> Direction:
    """What a known vector store's scores are; nothing is guessed.

    ``InMemoryVectorStore`` returns cosine similarities, ``Chroma`` distances in whatever space its collection has, and
    ``FAISS`` what the metric of its index says.

    Raises:
        swaprank.ConfigError: The store is none of them.
    """
    names = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(vectorstore).__mro__}
    if "langchain_core.InMemoryVectorStore" in names:
        return "similarity"
    if names & {"langchain_chroma.Chroma", "langchain_community.Chroma"}:
        return "distance"
    if "langchain_community.FAISS" in names:
        metric = getattr(getattr(vectorstore, "index", None), "metric_type", None)
        if metric in _FAISS_METRICS:
            return _FAISS_METRICS[metric]
    raise ConfigError(
        f"Whether the scores of {type(vectorstore).__name__} rise or fall with relevance is not known.",
        hint='Say scores="similarity" or scores="distance"; its documentation of similarity_search_with_score tells.',
    )
