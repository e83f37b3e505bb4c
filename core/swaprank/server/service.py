"""What answers requests: keys, limits, errors, metrics, and config files that are read anew."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..errors import BackendError, BackendTimeoutError, ConfigError, InputError, SwaprankError
from ..masking import printable
from ..types import Query, Ranking
from .bodies import RerankJob
from .interfaces import Interface
from .metrics import Metrics
from .models import ServedModels, UnknownModelError
from .options import ServerOptions
from .replies import encoded

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

logger = logging.getLogger(__name__)


class _RefusedError(Exception):
    """A request that is answered with an error before it is computed."""

    def __init__(self, status: int, kind: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.kind, self.headers = status, kind, headers


class _ClientGoneError(Exception):
    """The client hung up; nobody reads a reply."""


class Service:
    """What answers requests.

    Args:
        options: The rerankers and limits.

    Attributes:
        failure: Why the models could not be loaded; empty as long as they could.
    """

    def __init__(self, options: ServerOptions) -> None:
        self._options = options
        self._models = ServedModels(options.models, last_good=options.last_good)
        self._metrics = Metrics()
        self._in_progress = 0
        self.failure = ""

    @contextlib.asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Load the models, then look for changes of the config files until the end."""
        if self._options.warm_up:
            try:
                await asyncio.to_thread(self._models.warm_up)
            except SwaprankError as error:
                self.failure = printable(str(error), keep="\n")
                raise
        for name, wrong in self._models.replaced.items():
            self._metrics.reloaded(name, well=False)
            logger.error("The config of %s is wrong, the last one that worked is served: %s", name, wrong)
        self._models.keep()
        watching = asyncio.create_task(self._watch()) if self._options.watch else None
        try:
            yield
        finally:
            if watching is not None:
                watching.cancel()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._options.watch)
            outcome = await asyncio.to_thread(self._models.reload, warm_up=self._options.warm_up)
            for name, error in outcome.items():
                self._metrics.reloaded(name, well=error is None)
                if error is None:
                    logger.info("The config of %s was read anew.", name)
                else:
                    logger.error("The config of %s changed and is wrong, the old one stays: %s", name, error)

    def endpoint(self, interface: Interface) -> Callable[[Request], Any]:
        """What answers requests to an interface."""

        async def answer(request: Request) -> Response:
            from starlette.responses import Response

            model = ""
            headers: dict[str, str] = {}
            try:
                self._check_key(request)
                job = interface.read(await self._body(request))
                self._check_size(job)
                model, reranker = self._models.get(job.model)
                query = Query(job.query, instruction=job.instruction)
                flow = reranker.arerank(query, job.passages, top_n=job.top_n)
                ranking = await self._computed(request, flow, model, len(job.passages))
                status, content = 200, encoded(interface.reply(job, ranking, model))
            except _ClientGoneError:
                self._metrics.replied(model, interface.path, 499)
                return Response(status_code=499)
            except _RefusedError as refused:
                status, headers = refused.status, refused.headers
                content = encoded(interface.error(str(refused), refused.kind))
            except SwaprankError as error:
                status, kind = _status(error)
                headers = {"Retry-After": "1"} if status == 503 else {}
                if status >= 500:
                    logger.warning("%s failed: %s", model, error)
                content = encoded(interface.error(printable(str(error), keep="\n"), kind))
            except Exception:
                logger.exception("%s failed.", model)
                status, content = 500, encoded(interface.error("The server failed.", "Backend"))
            self._metrics.replied(model, interface.path, status)
            return Response(content, status, headers, "application/json")

        return answer

    def _check_key(self, request: Request) -> None:
        keys = self._options.keys
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        sent = given.strip().encode() if scheme.lower() == "bearer" else b""
        # Every key is compared, so that the time tells nothing about which one is near.
        if keys and not sum(hmac.compare_digest(sent, key.encode()) for key in keys):
            message = "No valid key: send 'Authorization: Bearer <key>'."
            raise _RefusedError(401, "Unauthorized", message, **{"WWW-Authenticate": "Bearer"})

    async def _body(self, request: Request) -> bytes:
        from starlette.requests import ClientDisconnect

        encoding = request.headers.get("content-encoding", "")
        if encoding.lower() not in ("", "identity"):
            message = f"The body's encoding is {printable(encoding)[:40]!r}. Send it as it is."
            raise _RefusedError(415, "Validation", message, Connection="close")
        most = self._options.max_body
        too_large = _RefusedError(413, "Validation", f"The body is larger than {most} bytes.", Connection="close")
        length = request.headers.get("content-length", "")
        if length.isdigit() and int(length) > most:
            raise too_large
        content = bytearray()
        try:
            async with asyncio.timeout(self._options.timeout):
                async for chunk in request.stream():
                    content += chunk
                    if len(content) > most:
                        raise too_large
        except TimeoutError:
            message = f"The body did not come within {self._options.timeout:g} seconds."
            raise _RefusedError(408, "Timeout", message, Connection="close") from None
        except ClientDisconnect:
            raise _ClientGoneError from None
        return bytes(content)

    def _check_size(self, job: RerankJob) -> None:
        most = self._options.max_passages
        if len(job.passages) > most:
            raise _RefusedError(422, "Validation", f"There are {len(job.passages)} passages, and {most} at most.")

    async def _computed(self, request: Request, flow: Any, model: str, passages: int) -> Ranking:
        """The ranking, unless too many are waiting, the time is up or the client hangs up."""
        if self._in_progress >= self._options.max_waiting:
            flow.close()
            message = f"{self._in_progress} requests are in progress; try again."
            raise _RefusedError(429, "Overloaded", message, **{"Retry-After": "1"})
        self._in_progress += 1
        self._metrics.in_progress.inc()
        started = time.perf_counter()
        ranking: asyncio.Task[Ranking] = asyncio.ensure_future(flow)
        gone = asyncio.create_task(_disconnected(request))
        try:
            done, _ = await asyncio.wait(
                {ranking, gone}, timeout=self._options.timeout, return_when=asyncio.FIRST_COMPLETED
            )
            if ranking in done:
                result = ranking.result()
                self._metrics.answered(model, result, passages, time.perf_counter() - started)
                return result
            if gone in done:
                raise _ClientGoneError
            raise _RefusedError(504, "Timeout", f"No ranking within {self._options.timeout:g} seconds.")
        finally:
            ranking.cancel()
            gone.cancel()
            self._in_progress -= 1
            self._metrics.in_progress.dec()

    async def health(self, _: Request) -> Response:
        """Whether it serves; a server that is still loading does not answer yet."""
        from starlette.responses import JSONResponse

        return JSONResponse({"status": "ok", "models": self._models.names})

    async def metrics_text(self, _: Request) -> Response:
        """The counters, for Prometheus."""
        from starlette.responses import Response

        content, media_type = await asyncio.to_thread(self._metrics.text)
        return Response(content, media_type=media_type)

    async def info(self, request: Request) -> Response:
        """What Text Embeddings Inference's clients ask first."""
        from starlette.responses import JSONResponse

        # Every key that it documents, for clients that check; what cannot be said of any reranker is null.
        content = {
            "model_id": self._models.names[0],
            "model_sha": None,
            "model_dtype": "auto",
            "model_type": {"reranker": {"id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}},
            "max_concurrent_requests": self._options.max_waiting,
            "max_input_length": None,
            "max_batch_tokens": None,
            "max_batch_requests": None,
            "max_client_batch_size": self._options.max_passages,
            "auto_truncate": True,
            "tokenization_workers": None,
            "version": __version__,
            "sha": None,
            "docker_label": None,
        }
        return JSONResponse(content)

    async def list_models(self, _: Request) -> Response:
        """The names that a request may say under ``model``, in OpenAI's form."""
        from starlette.responses import JSONResponse

        models = [{"id": name, "object": "model", "owned_by": "swaprank"} for name in self._models.names]
        return JSONResponse({"object": "list", "data": models})


async def _disconnected(request: Request) -> None:
    """Return when the client hangs up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _status(error: SwaprankError) -> tuple[int, str]:
    """The HTTP status for an error, and what Text Embeddings Inference calls such errors."""
    if isinstance(error, UnknownModelError):
        return 404, "Validation"
    if isinstance(error, InputError):
        return 422, "Validation"
    if isinstance(error, BackendTimeoutError):
        return 504, "Timeout"
    if isinstance(error, BackendError) and error.retryable:
        return 503, "Backend"
    return 500, "Config" if isinstance(error, ConfigError) else "Backend"
