"""JSON over HTTP: connections that are reused, limits, time-outs, retries, replicas."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import random
import threading
import time
import weakref
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from ...backend import awaited_until
from ...errors import BackendError, ResponseError, require
from .failures import Refused, hidden, no_answer, refused
from .replicas import Replicas

if TYPE_CHECKING:
    import ssl

    import httpx
    import tenacity

logger = logging.getLogger(__name__)

# Seconds of the first pause between two attempts; each one after is twice as long.
_FIRST_PAUSE = 0.5
# Seconds a connection is kept without use: below what servers and their proxies allow.
_IDLE = 30.0
# An attempt ends a little before nobody waits any more, so that its server is known to be silent.
_SHARE = 0.95
# How much of an unexpected answer a message shows.
_SHOWN = 200


@dataclass(frozen=True)
class ServerReply:
    """What a server answered: decoded JSON of any shape, in which secrets may be repeated."""

    server: str
    path: str
    body: Any
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @contextmanager
    def expected(self) -> Iterator[Any]:
        """The body; whatever does not fit what is read of it is an error that names the server."""
        try:
            yield self.body
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            what, shown = (
                hidden(text, self.secrets)[:_SHOWN]
                for text in (f"{type(error).__name__}: {error}", json.dumps(self.body))
            )
            raise ResponseError(
                f"{self.server} answered {self.path} with something else than expected ({what}): {shown}.",
                hint="Is the server what `api` and `server` say?",
            ) from None  # it may repeat a secret


def number(value: Any) -> float:
    """A finite number of a JSON body.

    Raises:
        ValueError: It is none.
        OverflowError: It is larger than any float.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no finite number")
    return float(value)


class Caller(Protocol):
    """What a dialect needs of the client."""

    async def call(self, path: str, body: Mapping[str, Any] | None = None) -> ServerReply:
        """The answer to a POST of the body, or to a GET where there is none."""


@dataclass(frozen=True)
class ConnectionSettings:
    """How patient a client is.

    Attributes:
        concurrency: Most requests at the same time, for each event loop.
        timeout: Most seconds of one attempt.
        connect_timeout: Most seconds until a connection stands.
        retries: How often a request is tried again.
        longest_pause: Most seconds between two attempts; a server that asks for a longer one is given up.
        cooldown: Seconds that a replica rests after it failed.
    """

    concurrency: int
    timeout: float
    connect_timeout: float
    retries: int
    longest_pause: float
    cooldown: float


class HttpClient:
    """One client for all event loops; every loop has connections of its own.

    They are closed when their loop shuts its generators down, as `asyncio.run` does, or when nobody holds the client.

    Args:
        replicas: The servers.
        policy: Limits and patience.
        headers: Sent with every request; their values are secrets.
        purpose: Who needs httpx, for the message where it is not installed.
    """

    def __init__(
        self, replicas: Replicas, policy: ConnectionSettings, headers: Mapping[str, str], purpose: str
    ) -> None:
        self._replicas = replicas
        self._policy = policy
        self._headers = dict(headers)
        self._purpose = purpose
        self._open: dict[asyncio.AbstractEventLoop, _Connections] = {}
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Any] | None = None
        # The connections outlive this object by the moment that closing them takes.
        weakref.finalize(self, _close, self._open).atexit = False

    async def call(self, path: str, body: Mapping[str, Any] | None = None) -> ServerReply:
        """The answer to a POST of the body, or to a GET where there is none.

        Raises:
            MissingDependencyError: httpx or tenacity is not installed.
            BackendError: No server answered; the message names the last one that was asked.
            ResponseError: One answered with what is no JSON.
        """
        tenacity, _ = await self._libraries()
        attempts = tenacity.AsyncRetrying(
            stop=self._enough,
            wait=self._pause,
            retry=tenacity.retry_if_exception(_retryable),
            before_sleep=_log,
            reraise=True,
        )
        try:
            answered: ServerReply = await attempts(self._attempt, path, body)
        except BackendError as error:
            error.tries = 1 + self._policy.retries
            raise
        return answered

    async def _attempt(self, path: str, body: Mapping[str, Any] | None) -> ServerReply:
        here = await self._here()
        async with here.room:
            with self._replicas.one() as server:
                try:
                    answered = await self._asked(here.client, server, path, body)
                except BackendError as error:
                    if error.retryable:
                        asked = error.retry_after if isinstance(error, Refused) else None
                        why = str(error).removesuffix(error.hint).rstrip()
                        self._replicas.rest(server, asked or self._policy.cooldown, why)
                    raise
                self._replicas.well(server)
                return answered

    async def _asked(
        self, client: httpx.AsyncClient, server: str, path: str, body: Mapping[str, Any] | None
    ) -> ServerReply:
        """What this very server answers."""
        _, httpx = await self._libraries()
        secrets = tuple(self._headers.values())
        seconds = min(self._policy.timeout, _SHARE * (awaited_until.get() - time.monotonic()))
        try:
            async with asyncio.timeout(seconds):
                response = await client.request("GET" if body is None else "POST", server + path, json=body)
        except (httpx.HTTPError, TimeoutError) as error:
            raise no_answer(server, path, error, seconds) from error
        if not response.is_success:
            raise refused(server, path, response, secrets)
        try:
            return ServerReply(server, path, json.loads(response.content), secrets)
        except (ValueError, RecursionError) as error:
            raise ResponseError(
                f"{server} answered {path} with what is no JSON: {hidden(response.text, secrets)[:80]!r}.",
                hint="Is base_url the address of the server itself?",
                retryable=True,
            ) from error

    async def _libraries(self) -> tuple[Any, Any]:
        """Tenacity and httpx; importing them, and reading certificates, would hold up the loop."""
        if self._loaded is None:
            self._loaded = await asyncio.to_thread(_libraries, self._purpose)
        return self._loaded

    async def _here(self) -> _Connections:
        """The connections of the running loop."""
        loop = asyncio.get_running_loop()
        with self._lock:
            if loop in self._open:
                return self._open[loop]
            for other in [one for one in self._open if one.is_closed()]:
                del self._open[other]
        # The first one imports for a while.
        client = await asyncio.to_thread(self._client)
        if loop in self._open:  # another task was quicker
            return self._open[loop]
        owner = _owner(client)
        here = _Connections(await anext(owner), asyncio.Semaphore(self._policy.concurrency), owner)
        with self._lock:
            self._open[loop] = here
        return here

    def _client(self) -> httpx.AsyncClient:
        """A client that has connected to nothing yet."""
        _, library = _libraries(self._purpose)
        limits = library.Limits(
            max_connections=self._policy.concurrency,
            max_keepalive_connections=self._policy.concurrency,
            keepalive_expiry=_IDLE,
        )
        timeout = library.Timeout(None, connect=self._policy.connect_timeout)
        client: httpx.AsyncClient = library.AsyncClient(
            headers=self._headers, limits=limits, timeout=timeout, verify=_certificates()
        )
        return client

    def _enough(self, state: tenacity.RetryCallState) -> bool:
        asked = _asked_pause(state)
        too_long = asked is not None and asked > self._policy.longest_pause and not self._replicas.spare
        return too_long or state.attempt_number > self._policy.retries

    def _pause(self, state: tenacity.RetryCallState) -> float:
        """None where another replica is ready; else what the server asked for, or twice as long as before."""
        if self._replicas.spare:
            return 0.0
        grown = min(_FIRST_PAUSE * 2 ** (state.attempt_number - 1), self._policy.longest_pause)
        # Waiting clients must not come back all at once; never before the time the server asked for.
        asked = _asked_pause(state)
        return asked + random.uniform(0, 0.1 * asked) if asked else grown * random.uniform(0.5, 1.0)


@dataclass(frozen=True)
class _Connections:
    client: httpx.AsyncClient
    room: asyncio.Semaphore
    owner: AsyncGenerator[httpx.AsyncClient, None]


async def _owner(client: httpx.AsyncClient) -> AsyncGenerator[httpx.AsyncClient, None]:
    """Hands the client out once; loops close their generators when they end, and this one its client."""
    async with client:
        yield client


def _close(connections: dict[asyncio.AbstractEventLoop, _Connections]) -> None:
    for loop, here in connections.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(loop.create_task, here.owner.aclose())


def _libraries(purpose: str) -> tuple[Any, Any]:
    tenacity, httpx = (require(name, extra="http", purpose=purpose) for name in ("tenacity", "httpx"))
    _certificates()
    return tenacity, httpx


@cache
def _certificates() -> ssl.SSLContext:
    """Read once: it takes longer than a request. So does what httpx would import amid its first one."""
    import anyio
    import httpx

    asyncio.run(anyio.sleep(0))
    return httpx.create_ssl_context()


def _retryable(error: BaseException) -> bool:
    return isinstance(error, BackendError) and error.retryable


def _log(state: tenacity.RetryCallState) -> None:
    """A repetition that succeeds leaves no other trace."""
    error = state.outcome.exception() if state.outcome else None
    logger.warning("Asking again, in %.1f s: %s", state.upcoming_sleep, error)


def _asked_pause(state: tenacity.RetryCallState) -> float | None:
    error = state.outcome.exception() if state.outcome else None
    return error.retry_after if isinstance(error, Refused) else None
