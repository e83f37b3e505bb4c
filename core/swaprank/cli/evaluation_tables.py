"""The tables of ``swaprank eval``: quality, significance, and what it takes."""

from __future__ import annotations

from typing import Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..evaluation.result import Comparison, Evaluation, Row
from ..masking import printable

_SHARE = 0.05


def show(found: Evaluation, console: Console) -> None:
    """Print the tables of a result."""
    data = found.dataset
    facts = [f"{data.queries} queries", f"{data.candidates:.0f} candidates each", data.first_stage]
    title = f"{printable(data.name)}{f' ({data.split})' if data.split else ''}"
    console.print(f"{escape(title)}: {escape(', '.join(filter(None, facts)))}", highlight=False, soft_wrap=True)
    console.print(_quality(found))
    if found.comparisons:
        console.print(_significance(found))
    if any(row.latency for row in found.rows):
        console.print(_effort(found))
    for row in found.rows:
        for count, what in ((row.work.failures, "failures were handled by on_error"), (row.work.repairs, "repairs")):
            if count:
                console.print(printable(f"{row.name}: {count} {what}"), style="yellow", markup=False, soft_wrap=True)


def _quality(found: Evaluation) -> Table:
    table = _table("", *found.measures, wraps=True)
    first = found.rows[0]
    for row in found.rows:
        if row.error:
            table.add_row(_name(row), "[red]failed[/]", *[""] * (len(found.measures) - 1))
            continue
        best = {name: max(one.measures.get(name, 0.0) for one in found.rows) for name in found.measures}
        cells = []
        for name in found.measures:
            gain = "" if row is first else f" {row.measures[name] - first.measures[name]:+.3f}"
            text = f"{row.measures[name]:.4f}{gain}"
            cells.append(f"[bold]{text}[/]" if row.measures[name] == best[name] else text)
        table.add_row(_name(row), *cells)
    return table


def _significance(found: Evaluation) -> Table:
    measure = found.measures[0]
    compared = [one for one in found.comparisons if one.measure == measure]
    best = max((row for row in found.rows if not row.error), key=lambda row: row.measures[measure]).name
    test = compared[0].test if compared else ""
    table = _table(f"{measure}: wins/ties/losses, p", "first stage", "the best")
    table.caption = f"paired {test}, Holm-corrected; bold: p < {_SHARE}; the best: {escape(printable(best))}"
    table.caption_justify = "left"
    for row in found.rows[1:]:
        if not row.error:
            own = {one.role: one for one in compared if one.row == row.name}
            table.add_row(_name(row), _verdict(own.get("first-stage")), _verdict(own.get("best")))
    return table


def _verdict(one: Comparison | None) -> str:
    if one is None:
        return "-"
    text = f"{one.wins}/{one.ties}/{one.losses}  {one.p_holm:.4f}"
    return f"[bold]{text}[/]" if one.p_holm < _SHARE else text


def _effort(found: Evaluation) -> Table:
    priced = any(row.cost for row in found.rows)
    table = _table("ms per query", "p50", "p95", "requests", "tokens in", "tokens out", *(["cost"] if priced else []))
    for row in found.rows:
        if row.latency is None:
            continue
        work = row.work
        counts = [f"{number:,}" for number in (work.requests, work.input_tokens, work.output_tokens)]
        cost = [f"{row.cost.amount:.4f} {row.cost.currency}" if row.cost else "-"] if priced else []
        table.add_row(_name(row), f"{1000 * row.latency.p50:.1f}", f"{1000 * row.latency.p95:.1f}", *counts, *cost)
    machine = found.machine
    sizes = {row.latency.batch_size for row in found.rows if row.latency}
    together = "" if sizes == {1} else f", {max(sizes)} queries together"
    table.caption = escape(f"{machine.processor or machine.system}, {machine.cpus} cores{together}")
    table.caption_justify = "left"
    return table


def _table(*heads: str, wraps: bool = False) -> Table:
    """A table; one that ``wraps`` writes gains below their figures where a terminal is too narrow for both."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for place, head in enumerate(heads):
        justify: Literal["left", "right"] = "right" if place else "left"
        table.add_column(
            escape(head), justify=justify, no_wrap=bool(place) and not wraps, min_width=None if place else 11
        )
    return table


def _name(row: Row) -> str:
    return escape(printable(row.name))
