"""``swaprank recipes``: what there is to choose from."""

from __future__ import annotations

import json
from typing import Annotated

import typer
import yaml
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..config import recipe


def recipes(
    name: Annotated[str | None, typer.Argument(help="Show this recipe whole.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the named presets, or show one."""
    console = Console(soft_wrap=True)
    found = recipe.all_recipes() if name is None else {name: recipe.get(name)}
    if as_json:
        console.print_json(json.dumps({key: value.model_dump() for key, value in found.items()}))
    elif name is not None:
        text = yaml.safe_dump(found[name].model_dump(), sort_keys=False, allow_unicode=True, width=100)
        console.print(text, markup=False, highlight=False)
    else:
        table = Table("recipe", "languages", "size", "licence", "what it is")
        table.columns[0].no_wrap = True
        for key, value in found.items():
            cells = (key, ", ".join(value.languages), value.parameters, value.license, value.description)
            table.add_row(*map(escape, cells))
        Console().print(table)
