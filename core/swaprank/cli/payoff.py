"""``swaprank payoff``: what reranking gains on one's own data, and what it costs."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..config.load import load
from ..errors import ConfigError, InputError, SwaprankError
from ..evaluation.choosing.payoff import LEVEL, Payoff, payoffs
from ..evaluation.sources.open_data import DataOptions
from ..masking import printable
from ..reranker import Reranker
from .contenders import contenders
from .evaluate import bar, opened
from .messages import show_table
from .options import ConfigsOption


def payoff(
    data: Annotated[str, typer.Option(help="Judged data, in any form that swaprank eval reads.")],
    config: ConfigsOption = None,
    reranker: Annotated[list[str] | None, typer.Option("--reranker", "-r", help="Recipe; repeatable.")] = None,
    depths: Annotated[str, typer.Option(help="How many candidates to rerank, with commas.")] = "10,50,100",
    measure: Annotated[str, typer.Option(help="The measure.")] = "nDCG@10",
    search_ms: Annotated[
        float | None, typer.Option(min=0.001, help="How long your search takes, to show the slowdown.")
    ] = None,
    instruction: Annotated[
        str | None, typer.Option(help="Measure instruction-aware rerankers with this instruction as well.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Which judgements of the data. [default: test]")] = None,
    subset: Annotated[str | None, typer.Option(help="Which language of an MTEB task.")] = None,
    run_name: Annotated[str | None, typer.Option(help="Which run of a BEIR folder.")] = None,
    first_stage: Annotated[str | None, typer.Option(help="bm25, or what embeds. [default: the data's own]")] = None,
    corpus: Annotated[Path | None, typer.Option(help="JSONL of passages, beside a file of questions.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many queries.")] = None,
    seed: Annotated[int, typer.Option(help="Of the test and the intervals.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say whether reranking pays on your own data.

    The table has the gain, its share of what could be gained, and the time.

    "of possible" compares the gain with that of the perfect order of the same candidates, which only a better search
    can beat. The verdict is unclear where p, corrected for all rows, is 0.05 or more: ask more queries.
    """
    places = _depths(depths)
    built = contenders(config or [], reranker or [])
    if instruction is not None:
        built |= _instructed([*(config or []), *(reranker or [])], list(built), instruction)
    asked = DataOptions(
        data=data,
        split=split,
        subset=subset,
        run_name=run_name,
        first_stage=first_stage,
        corpus=corpus,
        depth=max(places),
    )
    dataset = opened(asked, limit)
    with bar("reranking", len(built) * len(dataset.candidates) * len(places)) as advance:
        found = payoffs(built, dataset, places, name=measure, seed=seed, progress=lambda row, done: advance(row, done))
    if as_json:
        typer.echo(json.dumps([{**asdict(one), "share": one.share, "verdict": one.verdict} for one in found]))
        return
    console = Console(highlight=False)
    before = next((f", {measure} {one.first_stage:.4f} before" for one in reversed(found) if not one.error), "")
    title = f"{printable(dataset.name)}: {len(dataset.qrels)} queries, {dataset.first_stage_name}{before}"
    console.print(escape(title), soft_wrap=True)
    show_table(_table(found, search_ms), least=72)
    console.print(
        "of possible: the share of the gain that the perfect order of the same candidates would bring. +/-: queries "
        f"better and worse. unclear: p is {LEVEL} or more, so that the gain may be chance; ask more queries.",
        style="dim",
        soft_wrap=True,
    )
    for one in found:
        if one.error:
            console.print(printable(f"{one.name}: {one.error}"), style="red", markup=False, soft_wrap=True)


def _depths(text: str) -> list[int]:
    try:
        found = sorted({int(one) for one in text.split(",")})
    except ValueError as error:
        raise InputError(f"--depths is {text!r}.", hint="Write whole numbers: 10,50,100.") from error
    if found[0] < 1:
        raise InputError(f"--depths is {text!r}.", hint="Rerank at least 1 candidate.")
    return found


def _instructed(sources: list[Path | str], names: list[str], instruction: str) -> dict[str, Reranker | SwaprankError]:
    """The rerankers that take an instruction, with it."""
    found: dict[str, Reranker | SwaprankError] = {}
    for name, source in zip(names, sources, strict=False):
        try:
            found[f"{name}, instructed"] = Reranker({**load(source), "instruction": instruction})
        except ConfigError:  # it takes none
            continue
    if not found:
        raise InputError("None of the rerankers takes an instruction.", hint="Leave --instruction out.")
    return found


def _table(found: list[Payoff], search_ms: float | None) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    times = [] if search_ms is None else ["time"]
    for head in ("", "depth", "gain", "p", "of possible", "+/-", "ms", *times, "verdict"):
        left = head in ("", "verdict")
        table.add_column(
            escape(head), justify="left" if left else "right", no_wrap=bool(head), min_width=None if head else 8
        )
    for one in found:
        cells = [""] * (5 + len(times))
        if not one.error:
            figures = [f"{one.gain:+.4f}", f"{one.p:.3f}", f"{one.share:.0%}", f"{one.wins}/{one.losses}"]
            factor = [] if search_ms is None else [f"x{one.slowdown(search_ms):.1f}"]
            cells = [*figures, f"{one.milliseconds:.0f}", *factor]
        table.add_row(escape(printable(one.name)), str(one.depth), *cells, one.verdict)
    return table
