"""Running the server: one process, or several workers on one socket."""

from __future__ import annotations

import functools
import logging
import os
import tempfile
from dataclasses import replace
from pathlib import Path

from ..errors import BackendError, require
from .app import build_app
from .metrics import SHARED_FOLDER
from .options import KEYS_VARIABLE, ServerOptions

logger = logging.getLogger(__name__)

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
# A worker that does not answer its parent for so long is replaced: more than a model that loads holds the interpreter,
# and no longer than a worker may be missed that was killed while it was asked.
_SECONDS_UNTIL_DEAD = 15


def serve(options: ServerOptions, *, host: str, port: int, workers: int = 1, grace: int = 30) -> None:
    """Serve until SIGTERM or SIGINT; then requests in progress are answered first.

    Args:
        options: The rerankers and limits.
        host: The address to listen at.
        port: The port to listen at.
        workers: Processes on the same socket, each with models of its own; one that dies is replaced.
        grace: The seconds that requests in progress get at the end.

    Raises:
        ConfigError: A config is wrong.
        BackendError: The workers did not start; what they said is in the log.
        MissingDependencyError: The extra ``serve`` is not installed.
    """
    require("uvicorn", extra="serve", purpose="swaprank serve")
    import uvicorn
    from uvicorn.config import STARTUP_FAILURE
    from uvicorn.supervisors import Multiprocess

    if host not in _LOOPBACK and not options.keys:
        logger.warning("Anyone who reaches %s can use this server. Give keys in %s.", host, KEYS_VARIABLE)
    config = uvicorn.Config(
        functools.partial(build_app, options),
        factory=True,
        host=host,
        port=port,
        workers=workers,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=grace,
        timeout_worker_healthcheck=_SECONDS_UNTIL_DEAD,
    )
    if workers == 1:
        uvicorn.Server(config).run()
        return
    build_app(options)  # a wrong config is said once, here
    with tempfile.TemporaryDirectory(prefix="swaprank-workers-") as folder:
        os.environ[SHARED_FOLDER] = folder
        config.app = functools.partial(build_app, replace(options, last_good=Path(folder)))
        supervisor = Multiprocess(config, [config.bind_socket()])
        supervisor.run()
        if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
            raise BackendError("The workers did not start.", hint="They say why in the lines above.")
