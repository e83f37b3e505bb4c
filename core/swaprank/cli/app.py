"""The commands, put together."""

from __future__ import annotations

import functools
import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from .. import __version__
from ..errors import ConfigError, InputError, SwaprankError
from . import (
    calibrate,
    compare,
    configs,
    demo,
    download,
    evaluate,
    payoff,
    recipes,
    recommend,
    rerank,
    serve,
    trace,
    tune,
)
from .interruption import interruptible
from .messages import complain, log_to_terminal
from .options import EPILOG

app = typer.Typer(
    name="swaprank",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog=EPILOG,
    rich_markup_mode=None,
)
_ANEW = "nothing was written; the same command starts anew"
# Each command with what Ctrl-C leaves; rerank and eval tell more where they know more.
_COMMANDS: dict[str, tuple[Callable[..., None], str]] = {
    "rerank": (rerank.rerank, _ANEW),
    "trace": (trace.trace, _ANEW),
    "eval": (evaluate.evaluate, _ANEW),
    "compare": (compare.compare, "the results are as they were; the same command starts anew"),
    "tune": (tune.tune, _ANEW),
    "payoff": (payoff.payoff, _ANEW),
    "serve": (serve.serve, "the server has stopped"),
    "calibrate": (calibrate.calibrate_command, "the config is as it was; the same command starts anew"),
    "recipes": (recipes.recipes, _ANEW),
    "recommend": (recommend.recommend, _ANEW),
    "methods": (recipes.methods, _ANEW),
    "demo": (demo.demo, _ANEW),
    "download": (download.download, "what is in the cache stays; the same command fetches the rest"),
}


def _add(name: str, command: Callable[..., None], kept: str) -> None:
    """Add a command; the list of commands shows the first sentence of its docstring, never cut."""

    @functools.wraps(command)
    def run(**options: Any) -> None:
        with interruptible(lambda: kept):
            command(**options)

    summary = " ".join((command.__doc__ or "").split("\n\n")[0].split())
    app.command(name, epilog=EPILOG, short_help=summary)(run)


for _name, (_command, _kept) in _COMMANDS.items():
    _add(_name, _command, _kept)
app.add_typer(configs.app, name="config", short_help=configs.SUMMARY)


def _version(shown: bool) -> None:
    if shown:
        Console().print(__version__)
        raise typer.Exit


@app.callback()
def swaprank(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")] = False,
) -> None:
    """Any reranker, one config."""


def run() -> None:
    """Run the command line; what goes wrong becomes one line and an exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal may lack letters that names and passages have
    log_to_terminal()
    try:
        name = Path(sys.argv[0]).name
        app(prog_name="swaprank" if name == "__main__.py" else name)
    except SwaprankError as error:
        complain(str(error))
        raise SystemExit(2 if isinstance(error, ConfigError | InputError) else 1) from None
    except OSError as error:
        complain(f"{error.strerror or error}: {error.filename!r}" if error.filename else str(error))
        raise SystemExit(1) from None
