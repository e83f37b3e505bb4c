"""``swaprank recommend``: which recipes fit a language, a device, a time and a licence."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..config.recipe import Recipe
from ..errors import InputError
from ..evaluation.choosing.cpu_latency import cpu_latency
from ..evaluation.choosing.languages import language_code
from ..evaluation.choosing.recommend import Need, Suggestion, parameters
from ..evaluation.choosing.recommend import recommend as fitting
from .messages import show_table

# Characters of a terminal that has room for all columns.
_WIDE = 80


class DeviceName(StrEnum):
    """Where it shall run."""

    CPU = "cpu"
    CUDA = "cuda"


def recommend(
    language: Annotated[str | None, typer.Option(help="Of queries and passages, such as ar.")] = None,
    device: Annotated[DeviceName, typer.Option(help="Where it shall run.")] = DeviceName.CPU,
    budget_ms: Annotated[
        float | None, typer.Option("--budget-ms", min=0, help="Most milliseconds for a query, on a CPU.")
    ] = None,
    passages: Annotated[int, typer.Option(min=1, help="Candidates of a query, of about 90 words.")] = 50,
    commercial: Annotated[
        bool, typer.Option("--commercial", help="Only licences that allow commercial use by their names.")
    ] = False,
    memory_gb: Annotated[float | None, typer.Option(min=0, help="Memory of the device.")] = None,
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many to show.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Name the recipes that fit a need, the best first.

    What is known of a recipe decides: its languages, licence, size and method, and its time on the CPU that it was
    measured on. Published figures are shown and do not decide, for those of different authors do not compare.
    "swaprank tune" decides by your own data.
    """
    need = Need(
        language=None if language is None else language_code(language),
        device="cuda" if device is DeviceName.CUDA else "cpu",
        budget_ms=budget_ms,
        passages=passages,
        commercial=commercial,
        memory_gb=memory_gb,
    )
    if budget_ms is not None and need.device == "cuda":
        raise InputError(
            "Times on a GPU have not been measured, and --budget-ms cannot choose by them.",
            hint="Leave it out, and measure with: swaprank tune --data ... --budget-ms ...",
        )
    found = fitting(need)
    if not found:
        raise InputError("No recipe fits all of this.", hint=_nearest(need))
    if as_json:
        typer.echo(json.dumps([_facts(one) for one in found[:count]], ensure_ascii=False))
        return
    console = Console(highlight=False)
    show_table(_table(found[:count], passages, narrow=console.width < _WIDE), least=72)
    times = cpu_latency()
    if need.device == "cpu":
        told = f"ms: measured with passages of {times.words} words on {times.machine}."
        if any(one.by_shape for one in found[:count]):
            told += " ~: measured with random weights of the model's shape, on which the time depends."
        console.print(told, style="dim", soft_wrap=True)
    more = f"{len(found)} fit. " if len(found) > count else ""
    first = found[0].name
    console.print(
        f"{more}Reranker({first!r}) builds the first; swaprank recipes {first} tells more; "
        "swaprank tune --data FOLDER decides on your own data.",
        style="dim",
        soft_wrap=True,
    )


def _nearest(need: Need) -> str:
    """What would fit without the budget."""
    if need.budget_ms is None:
        return "Ask for less: swaprank recipes lists them all."
    without = [
        one
        for one in fitting(Need(need.language, need.device, None, need.passages, need.commercial, need.memory_gb))
        if one.milliseconds is not None
    ]
    if not without:
        return "Ask for less: swaprank recipes lists them all."
    fastest = min(without, key=lambda one: one.milliseconds or 0.0)
    return f"The fastest that fits otherwise is {fastest.name!r}, with {fastest.milliseconds:.0f} ms."


def _table(found: list[Suggestion], passages: int, *, narrow: bool) -> Table:
    """The recipes; in a narrow terminal without the published figures, which swaprank recipes shows."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    heads = ["recipe", f"ms for {passages}", "size", "languages", "licence", "as published"]
    for head in heads[: -1 if narrow else None]:
        table.add_column(
            escape(head), justify="right" if head.startswith("ms") else "left", no_wrap=head in ("recipe", "size")
        )
    for one in found:
        milliseconds = "?" if one.milliseconds is None else f"{'~' * one.by_shape}{one.milliseconds:,.0f}"
        entry = one.recipe
        size = entry.parameters or "-"
        cells = [one.name, milliseconds, size, ", ".join(entry.languages), entry.license, published(entry)]
        table.add_row(*map(escape, cells[: -1 if narrow else None]))
    return table


def published(entry: Recipe) -> str:
    """The first published figure of a recipe, in a few words."""
    if not entry.published:
        return "-"
    first = entry.published[0]
    return f"{first.value:g} {first.metric}, {first.dataset}"


def _facts(one: Suggestion) -> dict[str, object]:
    return {
        "recipe": one.name,
        "milliseconds": one.milliseconds,
        "by_shape": one.by_shape,
        "parameters": parameters(one.recipe),
        **one.recipe.model_dump(include={"description", "languages", "license", "published", "notes"}),
    }
