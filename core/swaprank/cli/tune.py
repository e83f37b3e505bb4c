"""``swaprank tune``: the best config for one's own data within a time."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
import yaml
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..config.load import Source, load
from ..config.secrets import without_secrets
from ..errors import ConfigError
from ..evaluation.choosing.available import available_recipes
from ..evaluation.choosing.tuning import Tuned
from ..evaluation.choosing.tuning import tune as tuned
from ..evaluation.sources.open_data import DataOptions
from ..masking import printable
from .contenders import contenders
from .evaluate import bar, opened
from .files import check_writable
from .options import ConfigsOption

_SHOWN = 8


def tune(
    data: Annotated[str, typer.Option(help="Judged data, in any form that swaprank eval reads.")],
    budget_ms: Annotated[
        float | None, typer.Option("--budget-ms", min=0, help="Most milliseconds for 95 of 100 queries.")
    ] = None,
    config: ConfigsOption = None,
    reranker: Annotated[
        list[str] | None,
        typer.Option("--reranker", "-r", help="Recipe; repeatable. [default: all whose weights are on this machine]"),
    ] = None,
    measure: Annotated[str, typer.Option(help="The measure that decides.")] = "nDCG@10",
    folds: Annotated[int, typer.Option(min=2, help="Parts of the cross-validation.")] = 5,
    split: Annotated[str | None, typer.Option(help="Which judgements of the data. [default: test]")] = None,
    subset: Annotated[str | None, typer.Option(help="Which language of an MTEB task.")] = None,
    run_name: Annotated[str | None, typer.Option(help="Which run of a BEIR folder.")] = None,
    first_stage: Annotated[str | None, typer.Option(help="bm25, or what embeds. [default: the data's own]")] = None,
    corpus: Annotated[Path | None, typer.Option(help="JSONL of passages, beside a file of questions.")] = None,
    depth: Annotated[int, typer.Option(min=1, help="Candidates per query.")] = 50,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many queries.")] = None,
    seed: Annotated[int, typer.Option(help="Of the folds.")] = 0,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the config here.")] = None,
) -> None:
    """Find the best config for your own data within a time.

    The recipes that run on this machine are measured, alone and fused. The config is printed as YAML. It is the
    best on all of your queries. The held-out figure is what may be expected of it on others: in each part of a
    cross-validation, the best on the other parts is measured on this one.
    """
    if output is not None and output.exists():
        raise ConfigError(f"--output {str(output)!r} exists.", hint="Choose another name.")
    if output is not None:
        check_writable(output)
    names = reranker or ([] if config else available_recipes())
    built = contenders(config or [], names)
    sources: list[Source] = [*(config or []), *names]
    rerankers = {
        row: (without_secrets(load(source)), one) for (row, one), source in zip(built.items(), sources, strict=True)
    }
    asked = DataOptions(
        data=data, split=split, subset=subset, run_name=run_name, first_stage=first_stage, corpus=corpus, depth=depth
    )
    dataset = opened(asked, limit)
    with bar("measuring", len(rerankers) * len(dataset.candidates)) as advance:
        found = tuned(
            rerankers,
            dataset,
            budget_ms=budget_ms,
            name=measure,
            folds=folds,
            seed=seed,
            progress=lambda row, done: advance(row, done),
        )
    console = Console(stderr=True, highlight=False)
    console.print(_table(found, measure))
    for row, why in found.left_out.items():
        console.print(printable(f"Left out: {row}: {why}"), style="dim", markup=False, soft_wrap=True)
    text = _yaml(found, measure, len(dataset.candidates))
    if output is None:
        typer.echo(text, nl=False)
        if found.best.config:
            console.print(
                "With --output reranker.yaml it goes into a file, and Reranker('reranker.yaml') builds it.",
                style="dim",
                markup=False,
                soft_wrap=True,
            )
    else:
        output.write_text(text, encoding="utf-8")
        console.print(printable(f"Written to {output}."), markup=False)


def _yaml(found: Tuned, measure: str, queries: int) -> str:
    head = (
        f"# {measure} on held-out queries: {found.held_out:.4f}; first stage: {found.first_stage:.4f} "
        f"(p = {found.p:.4f})\n"
        f"# {found.folds} folds of {queries} queries; {found.best.mean():.4f} on all of them; "
        f"{found.best.milliseconds:.0f} ms for 95 of 100 queries\n"
    )
    if not found.best.config:
        return head + "# Nothing that was measured is better than the first stage: do not rerank.\n"
    return head + yaml.safe_dump(found.best.config, sort_keys=False, allow_unicode=True)


def _table(found: Tuned, measure: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", title=f"The best of {len(found.candidates)}")
    table.title_justify = "left"
    for head in ("", measure, "ms (p95)"):
        table.add_column(escape(head), justify="right" if head else "left")
    for one in found.candidates[:_SHOWN]:
        table.add_row(escape(printable(one.name)), f"{one.mean():.4f}", f"{one.milliseconds:.0f}")
    return table
