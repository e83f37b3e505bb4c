"""``swaprank config``: check a file, print the schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console

from ..config.data import Config
from ..config.expand import expand
from ..config.kinds import with_nested
from ..config.load import load
from ..config.schema import json_schema
from ..config.secrets import without_secrets
from ..errors import ConfigError
from ..masking import printable
from ..reranker import Reranker
from .messages import complain
from .options import EPILOG

SUMMARY = "Check config files, print their JSON Schema."
app = typer.Typer(
    no_args_is_help=True,
    help=SUMMARY,
    epilog=EPILOG,
    rich_markup_mode=None,
)


@app.command(epilog=EPILOG)
def check(files: Annotated[list[Path], typer.Argument(dir_okay=False, help="YAML or JSON config files.")]) -> None:
    """Check config files and print what they resolve to.

    Every recipe is spelled out. No model is loaded.
    """
    console = Console(soft_wrap=True, highlight=False)
    wrong = 0
    for file in files:
        try:
            config = load(file)
            Reranker(config)
        except ConfigError as error:
            wrong += 1
            complain(str(error), about=str(file))
        else:
            console.print(printable(f"{file}: ok"), style="green", markup=False)
            resolved = yaml.safe_dump(without_secrets(_resolved(config)), sort_keys=False, allow_unicode=True)
            console.print(printable(resolved, keep="\n"), markup=False)
    if wrong:
        raise typer.Exit(2)


@app.command(epilog=EPILOG)
def schema() -> None:
    """Print the JSON Schema of a config file, for editors."""
    typer.echo(json.dumps(json_schema(), separators=(",", ":")))


def _resolved(spec: Any) -> Config:
    """A valid config with every recipe in it spelled out, at any depth."""
    return with_nested(expand({"reranker": spec} if isinstance(spec, str) else spec), _resolved)
