"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..config import Source, load
from ..errors import ConfigError
from ..reranker import Reranker

ConfigOption = Annotated[Path | None, typer.Option("--config", "-c", help="YAML or JSON config file.")]
RerankerOption = Annotated[str | None, typer.Option("--reranker", "-r", help="Name of a recipe or model-free method.")]
TopNOption = Annotated[int | None, typer.Option("--top-n", min=1, help="Keep this many passages.")]


def build(config: Path | None, reranker: str | None, top_n: int | None = None) -> Reranker:
    """The reranker that ``--config`` or ``--reranker`` names, or the embedded default.

    Raises:
        ConfigError: Both are given, or the config is wrong.
    """
    if config is not None and reranker is not None:
        raise ConfigError(f"Both --config {config} and --reranker {reranker} are given.", hint="Give one.")
    source: Source = config if config is not None else reranker
    options: dict[str, Any] = {} if top_n is None else {"top_n": top_n}
    return Reranker({**load(source), **options})
