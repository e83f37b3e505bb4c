"""Models behind a server: OpenAI-compatible ones, rerank, score and embedding endpoints."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any, Protocol

from ...backend import ConfiguredBackend
from ...errors import BackendError, SwaprankError
from ...requests import Request, Response
from ...types import Downloaded
from .._checkpoints.hub import HubAccess
from .._common.distinct import Distinct
from .._common.models import fetched
from .apis import EMBEDDING, LANGUAGE
from .event_loop import event_loop_thread
from .options import HttpOptions
from .replicas import Replicas


class Endpoint(Protocol):
    """How requests become calls of one api, and its replies responses."""

    def batches(self, requests: Sequence[Request]) -> list[list[int]]:
        """Which places of the requests travel in one call."""

    async def answer(self, requests: Sequence[Request]) -> Sequence[Response]:
        """Answer the requests of one call, in order."""


class HttpBackend(ConfiguredBackend):
    """Answers requests by asking a server; every call that fails costs only its own requests.

    Synchronous callers share one event loop in a thread, so that their connections live on between calls.
    """

    Options = HttpOptions
    options: HttpOptions

    def __init__(self, model: str, options: HttpOptions) -> None:
        super().__init__(model, options)
        self._lock = threading.Lock()
        self._replicas = Replicas(options.urls)
        self._loaded: Endpoint | None = None

    @property
    def concurrency(self) -> int:
        """Batches at a time: queries need not wait for one another, a server batches what comes in by itself."""
        return self.options.max_concurrency

    @property
    def address(self) -> str:
        """Where the servers are."""
        return ", ".join(self.options.urls)

    @property
    def trouble(self) -> str:
        """Why servers failed that have not answered since."""
        return self._replicas.trouble

    def download(self) -> list[Downloaded]:
        """Fetch the tokenizer of the served model, where the config names one."""
        named = self.options.tokenizer
        return fetched([(named, HubAccess(weights=False))] if named else [])

    def run(self, requests: Sequence[Request]) -> list[Response | SwaprankError]:
        """Answer all requests, in order."""
        return event_loop_thread().run(self.arun(requests))

    async def arun(self, requests: Sequence[Request]) -> list[Response | SwaprankError]:
        """Answer all requests, in order; equal ones are asked once, unless they are sampled."""
        # Importing what speaks it takes longer than an event loop should be held.
        endpoint = await asyncio.to_thread(self._endpoint) if self._loaded is None else self._loaded
        distinct = Distinct(requests)
        answers: dict[int, Response | SwaprankError] = {}

        async def answer(places: list[int]) -> None:
            try:
                found: Sequence[Response | SwaprankError] = await endpoint.answer(
                    [distinct.requests[place] for place in places]
                )
            except SwaprankError as error:
                found = [error] * len(places)
            except Exception as error:
                # A bug of ours in one call must not cost the others theirs, nor hide its cause.
                what = self.options.secrets.masked(f"{type(error).__name__}: {error}")
                failure = BackendError(f"The http backend ({self.address}) failed: {what}")
                failure.__cause__ = self.options.secrets.cause(error)
                found = [failure] * len(places)
            answers.update(zip(places, found, strict=True))

        async with asyncio.TaskGroup() as group:
            for places in endpoint.batches(distinct.requests):
                group.create_task(answer(places))
        return distinct.spread(answers)

    def _endpoint(self) -> Endpoint:
        with self._lock:
            if self._loaded is None:
                self._loaded = _make_endpoint(self.model, self.options, self._replicas)
            return self._loaded

    def __repr__(self) -> str:
        return f"HttpBackend({self.model!r}, {self.options!r})"

    def __getstate__(self) -> dict[str, Any]:
        """Pickle without connections."""
        return {"model": self.model, "options": self.options}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]


def _make_endpoint(model: str, options: HttpOptions, replicas: Replicas) -> Endpoint:
    from .authorization import authorizer
    from .client import HttpClient
    from .connections import ConnectionSettings
    from .embeddings import Embeddings
    from .language import Language
    from .pairs import Pairs

    settings = ConnectionSettings(
        concurrency=options.max_concurrency,
        timeout=options.timeout,
        connect_timeout=options.connect_timeout,
        retries=options.retries,
        longest_pause=options.longest_pause,
        cooldown=options.cooldown,
        max_response_bytes=options.max_response_bytes,
        trust_env=options.trust_env,
    )
    client = HttpClient(
        replicas,
        settings,
        options.sent_headers,
        options.secrets,
        "The http backend",
        options.service,
        authorizer(options),
    )
    if options.api in LANGUAGE:
        return Language(options, model, client)
    if options.api in EMBEDDING:
        return Embeddings(options, model, client)
    return Pairs(options, model, client)
