"""``swaprank recipes`` and ``swaprank methods``: what there is to choose from."""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Mapping
from typing import Annotated

import typer
import yaml
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..config import recipe, registry
from ..config.licences import allows_commercial_use
from ..config.recipe import Recipe
from ..config.recipe_facts import facts
from ..errors import ConfigError
from ..evaluation.choosing.languages import MULTILINGUAL, language_code
from ..masking import shown

_SIZE = re.compile(r"([\d.]+)\s*([KMB])", re.IGNORECASE)
_UNITS = {"K": 1e3, "M": 1e6, "B": 1e9}


def recipes(
    name: Annotated[str | None, typer.Argument(help="Show this recipe whole.")] = None,
    language: Annotated[str | None, typer.Option(help="Only those for this language, such as ar.")] = None,
    max_size: Annotated[str | None, typer.Option(help="Only those with at most so many parameters: 600M, 4B.")] = None,
    commercial: Annotated[
        bool, typer.Option("--commercial", help="Only those whose licence allows commercial use by its name.")
    ] = False,
    method: Annotated[str | None, typer.Option(help="Only those of this method.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the named presets, or show one."""
    console = Console(soft_wrap=True)
    if name is not None:
        found = {name: recipe.get(name)}
    else:
        if method is not None:
            registry.method(method)
        code = None if language is None else language_code(language)
        most = None if max_size is None else _parameters(max_size)
        found = {
            key: one
            for key, one in recipe.all_recipes().items()
            if (code is None or _reads(one, code))
            and (most is None or _is_at_most(one, most))
            and (not commercial or allows_commercial_use(one.license))
            and (method is None or one.config.get("method") == method)
        }
    if as_json:
        console.print_json(
            json.dumps({key: value.model_dump() | {"facts": facts(value)} for key, value in found.items()})
        )
    elif name is not None:
        shown_whole = found[name].model_dump(exclude={"context"}) | {"facts": facts(found[name])}
        text = yaml.safe_dump(shown_whole, sort_keys=False, allow_unicode=True, width=100)
        console.print(text, markup=False, highlight=False)
    else:
        _print_list(
            {
                key: (
                    " · ".join(
                        part for part in (one.parameters, ", ".join(one.languages), one.license.split(" (")[0]) if part
                    ),
                    one.description,
                )
                for key, one in found.items()
            },
            "swaprank recipes NAME shows one whole; Reranker('NAME') builds it.",
        )


def methods(
    name: Annotated[str | None, typer.Argument(help="Show this method and its options.")] = None,
    family: Annotated[
        str | None, typer.Option(help="Only those of this family: pointwise, listwise, embedding, ...")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the methods, or show one with its options."""
    console = Console(soft_wrap=True)
    if name is not None:
        one = registry.method(name)
        if as_json:
            console.print_json(json.dumps(one.model_json_schema()))
        else:
            console.print(inspect.cleandoc(one.__doc__ or ""), markup=False, highlight=False)
        return
    found = {key: registry.method(key) for key in registry.names("method")}
    families = sorted({one.family for one in found.values()})
    if family is not None and family not in families:
        raise ConfigError(f"There is no family {shown(family)}.", hint=f"There are: {', '.join(families)}.")
    rows = {
        key: (one.family, (sys.modules[one.__module__].__doc__ or "").strip().split("\n\n")[0].replace("\n", " "))
        for key, one in found.items()
        if family in (None, one.family)
    }
    if as_json:
        console.print_json(json.dumps({key: {"family": row[0], "what": row[1]} for key, row in rows.items()}))
    else:
        _print_list(rows, "swaprank methods NAME shows one with its options.")


def _print_list(rows: Mapping[str, tuple[str, str]], footer: str) -> None:
    """Two columns that fit 80 characters: the name, and below a line of facts what it is."""
    table = Table(show_header=False, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column()
    for name, (line, description) in rows.items():
        table.add_row(escape(name), f"[dim]{escape(line)}[/]\n{escape(description)}")
    console = Console()
    console.print(table)
    console.print(f"{len(rows)} found. {footer}", style="dim", highlight=False)


def _reads(one: Recipe, language: str) -> bool:
    return language in one.languages or MULTILINGUAL in one.languages


def _is_at_most(one: Recipe, most: float) -> bool:
    """Whether a recipe has at most so many parameters; one without parameters has none."""
    return (_parameters(one.parameters) if one.parameters else 0.0) <= most


def _parameters(text: str) -> float:
    """``"22.7M"`` as a number.

    Raises:
        ConfigError: It is not a size.
    """
    found = _SIZE.match(text.strip())
    if not found:
        raise ConfigError(f"The size {shown(text)} is not a number of parameters.", hint="Write 600M or 4B.")
    return float(found[1]) * _UNITS[found[2].upper()]
