"""JSON over HTTP: attempts, pauses and replicas."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from ...backend import awaited_until
from ...errors import BackendError, ResponseError
from .._common.secrets import Secrets
from . import body as bodies
from .authorization import Authorizer
from .connections import Connections, ConnectionSettings
from .failures import Refused, no_answer, refused
from .log_filter import mask_logs
from .replicas import Replicas
from .reply import ServerReply
from .services import Service

if TYPE_CHECKING:
    import httpx
    import tenacity

logger = logging.getLogger(__name__)

# Seconds of the first pause between two attempts; each one after is twice as long.
_FIRST_PAUSE = 0.5
# An attempt ends a little before nobody waits any more, so that its server is known to be silent.
_SHARE = 0.95


class Client(Protocol):
    """What an endpoint needs of a client."""

    async def call(self, path: str, body: Mapping[str, Any] | None = None) -> ServerReply:
        """The answer to a POST of the body, or to a GET where there is none."""


class HttpClient:
    """One client for all event loops.

    Args:
        replicas: The servers.
        settings: Limits and patience.
        headers: Sent with every request.
        secrets: What no message may repeat.
        purpose: Who needs httpx, for the message where it is not installed.
        service: The hosted service, for messages.
        authorize: Makes further headers for every request.
    """

    def __init__(
        self,
        replicas: Replicas,
        settings: ConnectionSettings,
        headers: Mapping[str, str],
        secrets: Secrets,
        purpose: str,
        service: Service | None = None,
        authorize: Authorizer | None = None,
    ) -> None:
        self._service = service
        self._authorize = authorize
        self._replicas = replicas
        self._settings = settings
        self._secrets = secrets
        mask_logs(secrets)
        self._connections = Connections(settings, headers, purpose)

    async def call(self, path: str, body: Mapping[str, Any] | None = None) -> ServerReply:
        """The answer to a POST of the body, or to a GET where there is none.

        Raises:
            MissingDependencyError: httpx or tenacity is not installed.
            BackendError: No server answered; the message names the last one that was asked.
            ResponseError: One answered with what is not JSON, or with too much of it.
        """
        tenacity, _ = await self._connections.libraries()
        attempts = tenacity.AsyncRetrying(
            stop=self._enough,
            wait=self._pause,
            retry=tenacity.retry_if_exception(_retryable),
            before_sleep=_log,
            reraise=True,
        )
        try:
            reply: ServerReply = await attempts(self._attempt, path, body)
        except BackendError as error:
            error.tries = 1 + self._settings.retries
            raise
        return reply

    async def _attempt(self, path: str, body: Mapping[str, Any] | None) -> ServerReply:
        """One request to the replica whose turn it is."""
        here = await self._connections.here()
        async with here.slots:
            with self._replicas.one() as server:
                try:
                    reply = await self._request(here.client, server, path, body)
                except BackendError as error:
                    if error.retryable:
                        self._replicas.rest(server, self._rest(error), str(error).removesuffix(error.hint).rstrip())
                    raise
                self._replicas.well(server)
                return reply

    async def _request(
        self, client: httpx.AsyncClient, server: str, path: str, body: Mapping[str, Any] | None
    ) -> ServerReply:
        """What this very server answers."""
        _, httpx = await self._connections.libraries()
        seconds = min(self._settings.timeout, _SHARE * (awaited_until.get() - time.monotonic()))
        method = "GET" if body is None else "POST"
        url, key_hint = server + path, ""
        if self._service is not None:
            server, key_hint = f"{self._service.title} ({server})", self._service.key_hint
        sent = await self._sent(url, body)
        try:
            async with asyncio.timeout(seconds), client.stream(method, url, **sent) as response:
                if not response.is_success:
                    said = await bodies.beginning(response)
                    raise refused(server, path, response, said, self._secrets, key_hint)
                content = await bodies.read(response, self._settings.max_response_bytes, server, path)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise no_answer(server, path, error, seconds, self._secrets) from None  # it may repeat a secret
        except ValueError as error:
            raise ResponseError(f"{server} answered {path} with {self._secrets.masked(str(error))}.") from None
        try:
            return ServerReply(server, path, await bodies.parsed(content), self._secrets)
        except ValueError as error:
            shown = self._secrets.masked(content[:400].decode(errors="replace"))[:80]
            raise ResponseError(
                f"{server} answered {path} with what is not JSON ({error}): {shown!r}.",
                hint="Is base_url the address of the server itself?",
                retryable=True,
            ) from None

    async def _sent(self, url: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        """The body of a request, and the headers that belong to this very one."""
        if body is None or self._authorize is None:
            return {"json": body}
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        # Looking for credentials may read files and ask servers.
        headers = await asyncio.to_thread(self._authorize, url, content)
        return {"content": content, "headers": {"Content-Type": "application/json", **headers}}

    def _rest(self, error: BackendError) -> float:
        """Seconds that a failed replica rests: as long as it asked for, within the limit of the config."""
        requested = error.retry_after if isinstance(error, Refused) else None
        return min(requested or self._settings.cooldown, self._settings.cooldown)

    def _enough(self, state: tenacity.RetryCallState) -> bool:
        requested = _requested_pause(state)
        too_long = requested is not None and requested > self._settings.longest_pause and not self._replicas.spare
        return too_long or state.attempt_number > self._settings.retries

    def _pause(self, state: tenacity.RetryCallState) -> float:
        """0 where another replica is ready; else what the server asked for, or twice as long as before."""
        if self._replicas.spare:
            return 0.0
        grown = min(_FIRST_PAUSE * 2 ** (state.attempt_number - 1), self._settings.longest_pause)
        # Waiting clients must not come back all at once; never before the time the server asked for.
        requested = _requested_pause(state)
        return requested + random.uniform(0, 0.1 * requested) if requested else grown * random.uniform(0.5, 1.0)


def _retryable(error: BaseException) -> bool:
    return isinstance(error, BackendError) and error.retryable


def _log(state: tenacity.RetryCallState) -> None:
    """A repetition that succeeds leaves no other trace."""
    error = state.outcome.exception() if state.outcome else None
    logger.warning("Asking again, in %.1f s: %s", state.upcoming_sleep, error)


def _requested_pause(state: tenacity.RetryCallState) -> float | None:
    error = state.outcome.exception() if state.outcome else None
    return error.retry_after if isinstance(error, Refused) else None
