"""``swaprank eval``: measure rerankers on judged data."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ..errors import InputError
from ..evaluation.comparing import Options, compare, sampled
from ..evaluation.result import Evaluation, Row
from ..evaluation.row_figures import write_run
from ..evaluation.sources.open_data import DataOptions, open_data
from ..masking import printable
from ..runs.evaluation import DEFAULT_MEASURES, Dataset, measure
from . import evaluation_tables
from .contenders import contenders
from .files import check_writable
from .interruption import interruptible
from .messages import complain
from .options import ConfigsOption


class TestName(StrEnum):
    """The test of significance."""

    RANDOMISATION = "randomisation"
    T_TEST = "t-test"


def evaluate(
    config: ConfigsOption = None,
    reranker: Annotated[
        list[str] | None, typer.Option("--reranker", "-r", help="Recipe, model or method; repeatable.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="BEIR folder, MTEB task folder, folder of NovelEval's form, JSONL of questions, or id of ir_datasets."
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Which judgements: test, dev, train, or all of a BEIR folder. [default: test]")
    ] = None,
    subset: Annotated[str | None, typer.Option(help="Which language of an MTEB task, such as ar.")] = None,
    run_name: Annotated[
        str | None, typer.Option(help="Which run of a BEIR folder, runs/NAME.trec. [default: bm25, or the only one]")
    ] = None,
    first_stage: Annotated[
        str | None,
        typer.Option(
            help="Search the collection: bm25, or a recipe, model or config that embeds. [default: bm25 "
            "where the data has no candidates]"
        ),
    ] = None,
    language: Annotated[str, typer.Option(help="Language of a BM25 that is built: auto, en, ar, de, ...")] = "auto",
    run: Annotated[Path | None, typer.Option(help="TREC run; with --qrels, --corpus and --queries.")] = None,
    qrels: Annotated[Path | None, typer.Option(help="Judgements: BEIR or TREC columns.")] = None,
    corpus: Annotated[Path | None, typer.Option(help="JSONL of passages.")] = None,
    queries: Annotated[Path | None, typer.Option(help="JSONL of queries.")] = None,
    depth: Annotated[int, typer.Option(min=1, help="Candidates per query.")] = 100,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many queries, for a quick look.")] = None,
    measures: Annotated[
        str, typer.Option(help="ir-measures names and INQUIRE_AP, with commas; the first one decides which is best.")
    ] = ",".join(DEFAULT_MEASURES),
    test: Annotated[TestName, typer.Option(help="Paired test of significance.")] = TestName.RANDOMISATION,
    seed: Annotated[int, typer.Option(help="Of the test and the confidence intervals.")] = 0,
    batch_size: Annotated[int, typer.Option(min=1, help="Queries reranked together; 1 times each by itself.")] = 1,
    runs: Annotated[
        Path | None,
        typer.Option(help="Folder for every run and the result; the same command goes on there after an interruption."),
    ] = None,
    per_query: Annotated[Path | None, typer.Option(help="Write every query's figures as CSV.")] = None,
    output_run: Annotated[Path | None, typer.Option(help="Write the last reranker's run in TREC format.")] = None,
    texts: Annotated[bool, typer.Option("--texts", help="Put the passages' texts into the JSON.")] = False,
    images: Annotated[
        bool, typer.Option("--images", help="Put thumbnails of the passages' images into the JSON, for the report.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole result as JSON.")] = False,
) -> None:
    """Measure rerankers against the first stage they rerank.

    Each of them is compared with the first stage and with the best, query by query; p-values are corrected by Holm's
    method. Latency leaves out loading. One that fails has a row with its error, and the exit code is then 1.
    """
    for path in filter(None, (per_query, output_run)):
        check_writable(path)
    if runs is not None:
        _make_folder(runs)
    built = contenders(config or [], reranker or [])
    how = Options(
        measures=[name.strip() for name in measures.split(",")],
        batch_size=batch_size,
        test="t-test" if test is TestName.T_TEST else "randomisation",
        seed=seed,
        runs=runs,
        texts=texts,
        images=images,
    )
    asked = DataOptions(
        data=data, split=split, subset=subset, run_name=run_name, first_stage=first_stage, depth=depth,
        language=language, run=run, qrels=qrels, corpus=corpus, queries=queries,
    )  # fmt: skip
    dataset = opened(asked, limit)
    measure(dataset.first_stage(), dataset, how.measures, name="")  # an impossible measure is told before the work
    kept = (
        f"what was measured is in {str(runs)!r}; the same command goes on where it stopped"
        if runs
        else "nothing was written; with --runs DIR, the same command goes on where it stopped"
    )
    with (
        interruptible(lambda: kept),
        bar("reranking", len(built) * len(dataset.candidates)) as advance,
    ):
        found = compare(built, dataset, how, progress=lambda name, done: advance(name, done))
    if as_json:
        typer.echo(found.model_dump_json())
    else:
        evaluation_tables.show(found, Console())
    if per_query is not None:
        _write_per_query(per_query, found)
    if output_run is not None:
        write_run(output_run, found.rows[-1].queries, found.rows[-1].name)
    failed = [row for row in found.rows if row.error]
    for row in failed:
        complain(row.error, about=row.name)
    if failed:
        raise typer.Exit(1)


def opened(asked: DataOptions, limit: int | None) -> Dataset:
    """The data, with a bar where a model must read the collection first."""
    with bar("embedding", 0) as advance:
        done = 0

        def progress(read: int, total: int) -> None:
            nonlocal done
            advance("passages", read - done, total)
            done = read

        dataset = open_data(asked, progress)
    return dataset if limit is None else sampled(dataset, limit)


@contextmanager
def bar(what: str, total: int) -> Iterator[Callable[..., None]]:
    """A bar on standard error with the time left, where that is a terminal.

    Yields:
        What tells the bar the name of the row and how many more are done, perhaps with a new total.
    """
    columns = (
        TextColumn(what),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as progress:
        task = progress.add_task("", total=total, visible=total > 0)

        def advance(name: str, done: int, whole: int | None = None) -> None:
            progress.update(task, advance=done, description=printable(name), total=whole or total, visible=True)

        yield advance


def _make_folder(path: Path) -> None:
    """Fail before the work, not after it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"The folder of --runs, {str(path)!r}, cannot be made: {error.strerror}.", hint="Name another one."
        ) from error


def _write_per_query(path: Path, found: Evaluation) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["reranker", "query", *found.measures, "seconds"])
        for row in found.rows:
            rows.writerows(_lines(row, found.measures))


def _lines(row: Row, measures: list[str]) -> Iterator[list[str | float]]:
    for query, result in row.queries.items():
        yield [row.name, query, *(result.measures[name] for name in measures), result.seconds]
