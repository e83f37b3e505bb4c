"""``swaprank serve``: rerankers behind HTTP or MCP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigError
from ..reranker import Reranker
from ..server.mcp_server import build_mcp_server
from ..server.options import KEYS_VARIABLE, ServerOptions, named_models, read_keys
from ..server.run import serve as serve_http
from .messages import complain


def serve(
    config: Annotated[
        list[str] | None, typer.Option("--config", "-c", help="Config FILE, or NAME=FILE; may be given several times.")
    ] = None,
    reranker: Annotated[
        list[str] | None, typer.Option("--reranker", "-r", help="RECIPE, or NAME=RECIPE; may be given several times.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0 is every one of this machine.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen at; 0 takes a free one.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes, each with models of its own.")] = 1,
    key_file: Annotated[
        Path | None, typer.Option(help=f"Keys of clients, one in each line; also from {KEYS_VARIABLE}, between commas.")
    ] = None,
    max_body: Annotated[int, typer.Option(min=1, help="The most bytes of a request.")] = ServerOptions.max_body,
    max_passages: Annotated[int, typer.Option(min=1, help="The most passages of a request.")] = (
        ServerOptions.max_passages
    ),
    max_waiting: Annotated[
        int, typer.Option(min=1, help="Requests in progress in one process; more get 429.")
    ] = ServerOptions.max_waiting,
    timeout: Annotated[
        float, typer.Option(min=0.001, help="Seconds for the body of a request, and for its answer.")
    ] = (ServerOptions.timeout),
    grace: Annotated[int, typer.Option(min=0, help="Seconds for requests in progress when the server stops.")] = 30,
    warm_up: Annotated[bool, typer.Option(help="Load the models before the first request is taken.")] = True,
    watch: Annotated[float, typer.Option(min=0, help="Seconds between looks for changed config files; 0: never.")] = (
        ServerOptions.watch
    ),
    mcp: Annotated[bool, typer.Option("--mcp", help="Speak MCP over standard input and output, with one tool.")] = (
        False
    ),
    ray: Annotated[bool, typer.Option("--ray", help="Serve by Ray Serve, here or on the cluster of RAY_ADDRESS.")] = (
        False
    ),
    actor_cpus: Annotated[float, typer.Option(min=0, help="Cores reserved for each process, with --ray.")] = 1,
    actor_gpus: Annotated[float, typer.Option(min=0, help="GPUs reserved for each process, with --ray.")] = 0,
) -> None:
    """Serve rerankers over HTTP, or as a tool over MCP.

    Rerank clients of other services work against it. POST /v1/rerank and /v2/rerank speak as Jina, Cohere and vLLM
    do, /rerank as Text Embeddings Inference does; GET /health, /metrics (Prometheus), /v1/models and /info. A
    request names a reranker under "model", which is the name of its file without suffix, its recipe or the NAME
    given; without "model" the first one answers. Concurrent requests share the batches of a local model. A config
    file that changes is read anew; if it is wrong, the old one stays. Clients that hang up leave the queue.
    SIGTERM answers what is in progress, then stops.
    """
    models = named_models(config or [], reranker or [])
    if mcp and ray:
        raise ConfigError("Both --mcp and --ray are given.", hint="Give one.")
    if mcp:
        if len(models) > 1:
            raise ConfigError(f"--mcp serves one reranker, and {len(models)} are given.", hint="Give one.")
        build_mcp_server(Reranker(next(iter(models.values()))), max_passages=max_passages).run()
        return
    options = ServerOptions(
        models=models,
        keys=read_keys(key_file),
        max_body=max_body,
        max_passages=max_passages,
        max_waiting=max_waiting,
        timeout=timeout,
        warm_up=warm_up,
        watch=watch,
    )
    if ray:
        from ..server.ray_serve import serve_by_ray

        serve_by_ray(options, host=host, port=port, replicas=workers, cpus=actor_cpus, gpus=actor_gpus)
        return
    try:
        serve_http(options, host=host, port=port, workers=workers, grace=grace)
    except SystemExit as ended:  # uvicorn has logged why it does not serve, and ends by codes of its own
        if ended.code:
            complain(f"Nothing is served at {host}:{port}, for the reason above. Another port is taken by --port.")
        raise typer.Exit(1 if ended.code else 0) from None
