"""The commands, put together."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Annotated

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
app.command("rerank", epilog=EPILOG)(rerank.rerank)
app.command("trace", epilog=EPILOG)(trace.trace)
app.command("eval", epilog=EPILOG)(evaluate.evaluate)
app.command("compare", epilog=EPILOG)(compare.compare)
app.command("tune", epilog=EPILOG)(tune.tune)
app.command("payoff", epilog=EPILOG)(payoff.payoff)
app.command("serve", epilog=EPILOG)(serve.serve)
app.command("calibrate", epilog=EPILOG)(calibrate.calibrate_command)
app.command("recipes", epilog=EPILOG)(recipes.recipes)
app.command("recommend", epilog=EPILOG)(recommend.recommend)
app.command("methods", epilog=EPILOG)(recipes.methods)
app.command("demo", epilog=EPILOG)(demo.demo)
app.command("download", epilog=EPILOG)(download.download)
app.add_typer(configs.app, name="config")


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
        app(prog_name=Path(sys.argv[0]).name)
    except SwaprankError as error:
        complain(str(error))
        raise SystemExit(2 if isinstance(error, ConfigError | InputError) else 1) from None
    except OSError as error:
        complain(f"{error.strerror or error}: {error.filename!r}" if error.filename else str(error))
        raise SystemExit(1) from None
