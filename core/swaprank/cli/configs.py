"""``swaprank config``: check a file, print the schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
import yaml
from rich.console import Console

from ..config import expand, load, without_secrets
from ..errors import ConfigError
from ..reranker import Reranker
from ..schema import json_schema

app = typer.Typer(no_args_is_help=True, help="Check config files, print their JSON Schema.", rich_markup_mode=None)


@app.command()
def check(files: Annotated[list[Path], typer.Argument(help="YAML or JSON config files.")]) -> None:
    """Validate config files and print what they resolve to; loads no model."""
    console, errors = Console(soft_wrap=True, highlight=False), Console(stderr=True, soft_wrap=True)
    wrong = 0
    for file in files:
        try:
            config = load(file)
            Reranker(config)
        except ConfigError as error:
            wrong += 1
            errors.print(f"{file}: {error}", style="red", markup=False, highlight=False)
        else:
            console.print(f"{file}: ok", style="green", markup=False)
            resolved = yaml.safe_dump(without_secrets(expand(config)), sort_keys=False, allow_unicode=True)
            console.print(resolved, markup=False)
    if wrong:
        raise typer.Exit(2)


@app.command()
def schema() -> None:
    """Print the JSON Schema of a config file, for editors and checks."""
    typer.echo(json.dumps(json_schema(), indent=2))
