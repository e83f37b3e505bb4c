"""Reranker: one config, one object, four ways to call it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Self

from .backend import Backend
from .backends.llm.options import LlmProvider
from .calls import decomposition_of, many_calls, one_call
from .config.build import Builder
from .config.data import Config
from .config.kinds import MAIN_KEYS
from .config.load import Source, load
from .config.secrets import without_secrets
from .errors import InputError
from .flow.drivers import adrive, drive
from .inputs import checked_query
from .stages.feedback import Embeddings, Feedback, better_query
from .stages.parts import backends
from .stages.scale import Scale
from .types import Decomposed, Downloaded, Passage, Query, Ranking


class Reranker:
    """Reranks passages for a query, as a config says.

    Args:
        reranker: Name of a recipe, a model (hub id or folder), path of a YAML or JSON file, a config mapping,
            or None for the embedded default, which needs no network, no torch and no GPU. The method of a
            model comes from a recipe with its id, else from its own files, which are read at construction.
        backend: A ready `Backend` object, or the ``backend:`` part of the config.
        llm: What ``backend: llm`` means; the adapters give it.
        options: Any key of the config, such as ``top_n=5``; overrides the same key of `reranker`.

    Raises:
        ConfigError: The config is wrong, or a model fits no method or several. No model is loaded before the
            first call; beside a method, a wrong model id shows only then, as a `BackendError`.

    Example:
        >>> from swaprank import Reranker
        >>> Reranker("bm25").rerank("green tea", ["coffee", "tea leaves that are green"]).order
        [1, 0]
    """

    def __init__(
        self,
        reranker: Source = None,
        /,
        *,
        backend: Backend | Mapping[str, Any] | str | None = None,
        llm: LlmProvider | None = None,
        **options: Any,
    ) -> None:
        ready = backend if isinstance(backend, Backend) else None
        if backend is not None and ready is None:
            options["backend"] = backend
        whole = reranker is not None or not {"reranker", "model", *MAIN_KEYS} & options.keys()
        self._config: Config = load(reranker, options) if whole else options
        self._backend = ready
        self._llm = llm
        self._stage = Builder(llm).stage(self._config, backend=ready)

    @classmethod
    def from_config(
        cls, config: Source, *, backend: Backend | Mapping[str, Any] | str | None = None, **options: Any
    ) -> Reranker:
        """The reranker that a path, a mapping or a recipe name describes; see the class for the arguments."""
        return cls(config, backend=backend, **options)

    def to_config(self) -> Config:
        """The config this reranker was made from, without secrets; loads nothing.

        ``Reranker.from_config(r.to_config())`` behaves like ``r``. Literal secrets are left out,
        ``${NAME}`` references to the environment stay. A ready backend object is left with
        its name alone: loading such a config says that there is no backend of that name.
        """
        config: Config = without_secrets(self._config)
        return config if self._backend is None else {**config, "backend": {"type": self._backend.name}}

    @property
    def name(self) -> str:
        """The recipe, or else the method, for reports."""
        return self._stage.name

    @property
    def top_n(self) -> int | None:
        """How many passages are kept at most; None for all."""
        return self._stage.limits.top_n

    @property
    def scale(self) -> Scale:
        """What its scores mean, known before anything is scored: their kinds, and whether they tell a relevance."""
        return self._stage.scale

    def rerank(
        self,
        query: str | Query,
        passages: Iterable[str | Passage],
        *,
        instruction: str | None = None,
        top_n: int | None = None,
    ) -> Ranking:
        """Rank the passages for the query.

        Args:
            query: The query; blank text is refused.
            passages: The candidates, in first-stage order: a list, or any ordered collection or generator, which is
                read once. They are not changed.
            instruction: What counts as relevant in this call, for instruction-aware methods; goes before the
                query's own, which goes before the config's.
            top_n: How many passages this call keeps at most; None for as many as the config says. What a stage
                inside a cascade keeps is the config's.

        Returns:
            The kept passages, best first, and a score for every input.

        Raises:
            InputError: A blank query, something that is not a passage, a text, id, score or embedding of a wrong type,
                an instruction that no method here takes, or a `top_n` that is no whole number above 0.
            BackendError: The model failed and ``on_error`` is ``raise``.
        """
        flow = one_call(self._stage, query, passages, instruction, top_n)
        return drive([flow])[0]

    async def arerank(
        self,
        query: str | Query,
        passages: Iterable[str | Passage],
        *,
        instruction: str | None = None,
        top_n: int | None = None,
    ) -> Ranking:
        """As `rerank`, without blocking the event loop."""
        flow = one_call(self._stage, query, passages, instruction, top_n)
        return (await adrive([flow]))[0]

    def rerank_many(
        self,
        queries: Iterable[str | Query],
        passages: Iterable[Iterable[str | Passage]],
        *,
        top_n: int | None = None,
    ) -> list[Ranking]:
        """Rank one candidate list per query; all queries share the model's batches.

        Raises:
            InputError: Not as many lists as queries, or as in `rerank`.
        """
        flows = many_calls(self._stage, queries, passages, top_n)
        return drive(flows)

    async def arerank_many(
        self,
        queries: Iterable[str | Query],
        passages: Iterable[Iterable[str | Passage]],
        *,
        top_n: int | None = None,
    ) -> list[Ranking]:
        """As `rerank_many`, without blocking the event loop."""
        flows = many_calls(self._stage, queries, passages, top_n)
        return await adrive(flows)

    def feedback(
        self,
        query: str | Query,
        ranking: Ranking,
        *,
        embeddings: Embeddings | None = None,
        how: Feedback | None = None,
    ) -> list[float]:
        """A better query embedding, learnt from a ranking, for a second retrieval.

        Args:
            query: The query with its embedding by the retriever; E2Rank needs none.
            ranking: What this reranker made of it. Its passages bring the retriever's embeddings.
            embeddings: Embeds the texts of passages that bring none, as the retriever does.
            how: How many passages count, and how far the query moves; None for the official code's choice.

        Raises:
            InputError: An embedding is missing, or two differ in size.
            BackendError: The model failed.
        """
        if not isinstance(ranking, Ranking):
            raise InputError(f"The ranking is a {type(ranking).__name__}.", hint="Give what `rerank` returned.")
        flow = better_query(self._stage.ranker, checked_query(query), ranking, how or Feedback(), embeddings)
        return drive([flow])[0]

    async def afeedback(
        self,
        query: str | Query,
        ranking: Ranking,
        *,
        embeddings: Embeddings | None = None,
        how: Feedback | None = None,
    ) -> list[float]:
        """As `feedback`, without blocking the event loop."""
        return await asyncio.to_thread(self.feedback, query, ranking, embeddings=embeddings, how=how)

    def decompose(self, query: str | Query) -> Decomposed:
        """Ask the LLM of a decomposition for the parts of a question, and nothing else.

        A query that brings them (``Query(text, decomposed=...)``) is reranked without asking again.

        Raises:
            ConfigError: This reranker decomposes nothing.
            BackendError: The LLM failed.
        """
        flow = decomposition_of(self._stage).split(checked_query(query))
        return drive([flow])[0]

    async def adecompose(self, query: str | Query) -> Decomposed:
        """As `decompose`, without blocking the event loop."""
        flow = decomposition_of(self._stage).split(checked_query(query))
        return (await adrive([flow]))[0]

    def warm_up(self, *, fallbacks: bool = False) -> None:
        """Load every model now, so that the first query does not wait for it.

        A model that is loaded already is left as it is; one whose load has failed is tried again at once, whatever
        ``retry_load_after`` says. Servers and a framework's LLM are not asked anything.

        Args:
            fallbacks: Whether the models of ``on_error: {fallback: ...}`` are loaded, too.

        Raises:
            SwaprankError: A model cannot be loaded; ``on_error`` is for queries.
        """
        for backend, needs in backends(self._stage, fallbacks=fallbacks):
            if hasattr(backend, "warm_up"):
                backend.warm_up(needs)

    async def awarm_up(self, *, fallbacks: bool = False) -> None:
        """As `warm_up`, without blocking the event loop."""
        await asyncio.to_thread(self.warm_up, fallbacks=fallbacks)

    def close(self) -> None:
        """Let go of every model, so that its memory is free once no other reranker holds it.

        It may be called at any time and more than once: calls that are running end as usual, and a later call loads
        the models again. A backend object that was given ready is its owner's to close.
        """
        for backend, _ in backends(self._stage, fallbacks=True):
            if backend is not self._backend and hasattr(backend, "close"):
                backend.close()

    async def aclose(self) -> None:
        """As `close`, without blocking the event loop."""
        await asyncio.to_thread(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.aclose()

    def download(self) -> list[Downloaded]:
        """Fetch every file that the models need, those of fallbacks as well, and load nothing.

        Afterwards the reranker works without a network (``HF_HUB_OFFLINE=1``).

        Returns:
            The repositories of the hub; none for models in folders, servers and what comes with a package.

        Raises:
            BackendError: A model is not on the hub, or the hub is out of reach and the model not in the cache.
        """
        found: dict[Downloaded, None] = {}
        for backend, _ in backends(self._stage, fallbacks=True):
            if hasattr(backend, "download"):
                found.update(dict.fromkeys(backend.download()))
        return list(found)

    def __repr__(self) -> str:
        return f"Reranker({without_secrets(self._config)!r})"

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the config (secrets included: pickles stay with their owner), never a loaded model."""
        return {"config": self._config, "backend": self._backend, "llm": self._llm}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._config, self._backend, self._llm = state["config"], state["backend"], state["llm"]
        self._stage = Builder(self._llm).stage(self._config, backend=self._backend)
