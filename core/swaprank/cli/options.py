"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..config.load import Source, load
from ..errors import ConfigError
from ..reranker import Reranker

EPILOG = "Exit codes: 0 done, 1 failed work, 2 wrong usage or config, 130 interrupted."

ConfigOption = Annotated[Path | None, typer.Option("--config", "-c", dir_okay=False, help="YAML or JSON config file.")]
ConfigsOption = Annotated[
    list[Path] | None, typer.Option("--config", "-c", dir_okay=False, help="Config file; repeatable.")
]
RerankerOption = Annotated[str | None, typer.Option("--reranker", "-r", help="Name of a recipe or model-free method.")]
TopNOption = Annotated[int | None, typer.Option("--top-n", min=1, help="Keep this many passages.")]


def chosen(config: Path | None, reranker: str | None) -> Source:
    """What ``--config`` or ``--reranker`` names; None stands for the embedded default.

    Raises:
        ConfigError: Both are given.
    """
    if config is not None and reranker is not None:
        raise ConfigError(f"Both --config {config} and --reranker {reranker} are given.", hint="Give one.")
    return config if config is not None else reranker


def build(config: Path | None, reranker: str | None, top_n: int | None = None) -> Reranker:
    """The reranker that is chosen.

    Raises:
        ConfigError: Both are given, or the config is wrong.
    """
    options: dict[str, Any] = {} if top_n is None else {"top_n": top_n}
    return Reranker({**load(chosen(config, reranker)), **options})
