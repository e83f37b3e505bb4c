"""``swaprank eval``: measure rerankers on judged data."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..errors import ConfigError, InputError
from ..masking import printable
from ..runs.evaluation import DEFAULT_MEASURES, Dataset, Report, load_beir, load_files, measure
from ..runs.evaluation import evaluate as evaluate_one
from .options import build


def evaluate(
    config: Annotated[list[Path] | None, typer.Option("--config", "-c", help="Config file; repeatable.")] = None,
    reranker: Annotated[list[str] | None, typer.Option("--reranker", "-r", help="Recipe; repeatable.")] = None,
    data: Annotated[Path | None, typer.Option(help="BEIR folder with runs/<run-name>.trec.")] = None,
    run_name: Annotated[str, typer.Option(help="Which run of the folder.")] = "bm25",
    run: Annotated[Path | None, typer.Option(help="TREC run, instead of --data.")] = None,
    qrels: Annotated[Path | None, typer.Option(help="Judgements: BEIR or TREC columns.")] = None,
    corpus: Annotated[Path | None, typer.Option(help="JSONL of passages.")] = None,
    queries: Annotated[Path | None, typer.Option(help="JSONL of queries.")] = None,
    depth: Annotated[int, typer.Option(min=1, help="Candidates per query.")] = 100,
    measures: Annotated[str, typer.Option(help="ir-measures names, with commas.")] = ",".join(DEFAULT_MEASURES),
    per_query: Annotated[Path | None, typer.Option(help="Write every query's figures as CSV.")] = None,
    output_run: Annotated[Path | None, typer.Option(help="Write the last reranker's run in TREC format.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure rerankers against the first stage they rerank."""
    for path in filter(None, (per_query, output_run)):
        _check_writable(path)
    dataset = _dataset(data, run_name, {"run": run, "qrels": qrels, "corpus": corpus, "queries": queries}, depth)
    names = [name.strip() for name in measures.split(",")]
    reports = [measure(dataset.first_stage(), dataset, names, name="first stage")]
    built = [build(file, None) for file in config or []] + [build(None, name) for name in reranker or []]
    reports += [evaluate_one(one, dataset, names) for one in built or [build(None, None)]]
    if as_json:
        figures = [{key: value for key, value in asdict(report).items() if key != "run"} for report in reports]
        Console(soft_wrap=True).print_json(json.dumps(figures))
    else:
        Console().print(_table(dataset, reports, names))
    if per_query is not None:
        _write_per_query(per_query, reports, names)
    if output_run is not None:
        _write_run(output_run, reports[-1])


def _check_writable(path: Path) -> None:
    """Fail before the work, not after it; what the file holds stays until there is something better."""
    try:
        path.open("a").close()
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be written: {error.strerror}.") from error


def _dataset(data: Path | None, run_name: str, files: dict[str, Path | None], depth: int) -> Dataset:
    given = {key: path for key, path in files.items() if path is not None}
    if data is not None and not given:
        return load_beir(data, run=run_name, depth=depth)
    if data is None and len(given) == len(files):
        return load_files(**given, depth=depth)
    raise ConfigError("The data is incomplete.", hint="Give --data, or all of --run, --qrels, --corpus and --queries.")


def _table(dataset: Dataset, reports: Sequence[Report], names: Sequence[str]) -> Table:
    table = Table(title=f"{escape(printable(dataset.name))}: {len(dataset.qrels)} queries", title_justify="left")
    for head in ("", *names, "ms/query", "requests"):
        table.add_column(escape(head), justify="right" if head else "left")
    for place, report in enumerate(reports):
        cells = []
        for name in names:
            gain = f" ({report.measures[name] - reports[0].measures[name]:+.4f})" if place else ""
            cells.append(f"{report.measures[name]:.4f}{gain}")
        work = [f"{1000 * report.seconds_per_query:.1f}", str(report.calls)] if place else ["", ""]
        table.add_row(escape(printable(report.name)), *cells, *work)
    return table


def _write_per_query(path: Path, reports: Sequence[Report], names: Sequence[str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["reranker", "query", *names])
        for report in reports:
            for query, row in report.per_query.items():
                rows.writerow([report.name, query, *(row[name] for name in names)])


def _write_run(path: Path, report: Report) -> None:
    with path.open("w", encoding="utf-8") as file:
        for query, ranked in report.run.items():
            for rank, (passage, score) in enumerate(ranked.items(), start=1):
                file.write(f"{query} Q0 {passage} {rank} {score} {report.name}\n")
