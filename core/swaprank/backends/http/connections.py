"""Connections to servers: one set for each event loop, reused between calls and closed with their loop."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from ...errors import require
from .body import ACCEPTED

if TYPE_CHECKING:
    import ssl

    import httpx

# Seconds a connection is kept without use: below what servers and their proxies allow.
_IDLE = 30.0


@dataclass(frozen=True)
class ConnectionSettings:
    """How patient a client is, and what it may use.

    Attributes:
        concurrency: Most requests at the same time, for each event loop.
        timeout: Most seconds of one attempt.
        connect_timeout: Most seconds until a connection stands.
        retries: How often a request is tried again.
        longest_pause: Most seconds between two attempts; a server that asks for a longer one is given up.
        cooldown: Seconds that a replica rests after it failed, and at most that many if it asks for more.
        max_response_bytes: Most bytes of a decompressed response.
        trust_env: Whether proxies and certificates are read from the environment.
    """

    concurrency: int
    timeout: float
    connect_timeout: float
    retries: int
    longest_pause: float
    cooldown: float
    max_response_bytes: int
    trust_env: bool


@dataclass(frozen=True)
class LoopConnections:
    """What one event loop uses.

    Attributes:
        client: Keeps the connections.
        slots: Limits the requests at the same time.
    """

    client: httpx.AsyncClient
    slots: asyncio.Semaphore
    owner: AsyncGenerator[httpx.AsyncClient, None]


class Connections:
    """Clients for all event loops; every loop has one of its own.

    They are closed when their loop shuts its generators down, as `asyncio.run` does, or when nobody holds this object.

    Args:
        settings: Limits and patience.
        headers: Sent with every request.
        purpose: Who needs httpx, for the message where it is not installed.
    """

    def __init__(self, settings: ConnectionSettings, headers: Mapping[str, str], purpose: str) -> None:
        self._settings = settings
        self._headers = {"Accept-Encoding": ACCEPTED, **headers}
        self._purpose = purpose
        self._open: dict[asyncio.AbstractEventLoop, LoopConnections] = {}
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Any] | None = None
        # The connections outlive this object by the moment that closing them takes.
        weakref.finalize(self, _close, self._open).atexit = False

    async def libraries(self) -> tuple[Any, Any]:
        """Tenacity and httpx; importing them, and reading certificates, would hold up the loop.

        Raises:
            MissingDependencyError: One of them is not installed.
        """
        if self._loaded is None:
            self._loaded = await asyncio.to_thread(_libraries, self._purpose, self._settings.trust_env)
        return self._loaded

    async def here(self) -> LoopConnections:
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
        here = LoopConnections(await anext(owner), asyncio.Semaphore(self._settings.concurrency), owner)
        with self._lock:
            self._open[loop] = here
        return here

    def _client(self) -> httpx.AsyncClient:
        """A client that has connected to nothing yet."""
        _, library = _libraries(self._purpose, self._settings.trust_env)
        limits = library.Limits(
            max_connections=self._settings.concurrency,
            max_keepalive_connections=self._settings.concurrency,
            keepalive_expiry=_IDLE,
        )
        client: httpx.AsyncClient = library.AsyncClient(
            headers=self._headers,
            limits=limits,
            timeout=library.Timeout(None, connect=self._settings.connect_timeout),
            verify=_certificates(self._settings.trust_env),
            trust_env=self._settings.trust_env,
        )
        return client


async def _owner(client: httpx.AsyncClient) -> AsyncGenerator[httpx.AsyncClient, None]:
    """Hands the client out once; loops close their generators when they end, and this one its client."""
    async with client:
        yield client


def _close(connections: dict[asyncio.AbstractEventLoop, LoopConnections]) -> None:
    for loop, here in connections.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(loop.create_task, here.owner.aclose())


def _libraries(purpose: str, trust_env: bool) -> tuple[Any, Any]:
    tenacity, httpx = (require(name, extra="http", purpose=purpose) for name in ("tenacity", "httpx"))
    _certificates(trust_env)
    return tenacity, httpx


@cache
def _certificates(trust_env: bool) -> ssl.SSLContext:
    """Read once: it takes longer than a request. So does what httpx would import amid its first one."""
    import anyio
    import httpx

    asyncio.run(anyio.sleep(0))
    return httpx.create_ssl_context(trust_env=trust_env)
