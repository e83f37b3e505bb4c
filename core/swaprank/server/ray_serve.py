"""Serving on a cluster, by Ray Serve: replicas on many machines, restarted when they die."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..config.load import load
from ..errors import BackendError, require
from .app import build_app
from .options import ServerOptions

if TYPE_CHECKING:
    from starlette.applications import Starlette

_NAME = "swaprank"


def serve_by_ray(
    options: ServerOptions, *, host: str, port: int, replicas: int, cpus: float = 1, gpus: float = 0
) -> None:
    """Deploy replicas, here or on the cluster of ``RAY_ADDRESS``, and wait until interrupted.

    The config files are read here and travel to the replicas, which do not look for changes. References to the
    environment are read there.

    Args:
        options: The rerankers and limits of each replica.
        host: The address at which each node listens.
        port: The port at which each node listens.
        replicas: How many processes there are, each with models of its own.
        cpus: Cores reserved for each.
        gpus: GPUs reserved for each.

    Raises:
        BackendError: A replica does not start, such as one whose model does not load.
        ConfigError: A config is wrong.
        MissingDependencyError: Ray Serve is not installed.
    """
    require("ray", extra="ray-serve", purpose="swaprank serve --ray")
    require("fastapi", extra="ray-serve", purpose="swaprank serve --ray")
    from ray import serve

    models = {name: load(source) if isinstance(source, Path) else source for name, source in options.models.items()}
    travelling = replace(options, models=models, watch=0)

    # A function and nothing else: Ray takes other callables for applications.
    def app() -> Starlette:
        return build_app(travelling)

    deployment = serve.deployment(
        name=_NAME,
        num_replicas=replicas,
        max_ongoing_requests=options.max_waiting,
        ray_actor_options={"num_cpus": cpus, "num_gpus": gpus},
    )(serve.ingress(app)())
    serve.start(http_options={"host": host, "port": port})
    try:
        serve.run(deployment.bind(), name=_NAME, blocking=True)
    except RuntimeError as error:
        raise BackendError(f"Ray Serve: {error}", hint="The replicas say why in their log, shown above.") from error
