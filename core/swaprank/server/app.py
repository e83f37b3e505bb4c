"""The application: which path is answered by what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import require
from ..masking import printable
from .interfaces import INTERFACES, everywhere
from .options import ServerOptions
from .service import Service

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Message, Receive, Scope, Send


def build_app(options: ServerOptions) -> Starlette:
    """The ASGI application of one worker.

    Raises:
        ConfigError: A config is wrong.
        MissingDependencyError: The extra ``serve`` is not installed.
    """
    for package in ("starlette", "prometheus_client"):
        require(package, extra="serve", purpose="swaprank serve")
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.routing import Route

    service = Service(options)

    class Application(Starlette):
        """Says in a line why it does not start, where starlette sends the traceback."""

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            async def said(message: Message) -> None:
                if message["type"] == "lifespan.startup.failed" and service.failure:
                    message = {**message, "message": service.failure}
                await send(message)

            await super().__call__(scope, receive, said if scope["type"] == "lifespan" else send)

    return Application(
        routes=[
            *(Route(one.path, service.endpoint(one), methods=["POST"]) for one in INTERFACES),
            Route("/health", service.health),
            Route("/metrics", service.metrics_text),
            Route("/info", service.info),
            Route("/v1/models", service.list_models),
        ],
        exception_handlers={HTTPException: _no_such_path},
        lifespan=service.lifespan,
    )


async def _no_such_path(request: Request, error: Exception) -> Response:
    """A path or verb that there is not; clients read JSON there, too."""
    from starlette.exceptions import HTTPException
    from starlette.responses import JSONResponse

    assert isinstance(error, HTTPException)
    paths = ", ".join(one.path for one in INTERFACES)
    message = f"{error.detail}: {request.method} {printable(request.url.path)[:80]}. POST to {paths}."
    return JSONResponse(everywhere(message, "Validation"), error.status_code, error.headers)
