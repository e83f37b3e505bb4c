"""``swaprank calibrate``: a map from scores to relevance, fitted on labelled data."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from ..calibration import config_file
from ..calibration.calibrate import Calibration, calibrate
from ..calibration.labelled import load_labelled
from ..config.load import DEFAULT_RECIPE, load
from ..errors import ConfigError, require
from ..masking import printable
from ..reranker import Reranker
from .files import check_writable
from .options import RerankerOption, chosen


class Form(StrEnum):
    """The form of the map."""

    LOGISTIC = "logistic"
    ISOTONIC = "isotonic"


def calibrate_command(
    data: Annotated[
        Path, typer.Option(help='BEIR folder, or JSONL of {"query": ..., "passage": ..., "label": 0 or 1}.')
    ],
    config: Annotated[
        Path | None, typer.Option("--config", "-c", dir_okay=False, help="Config file; the map is written into it.")
    ] = None,
    reranker: RerankerOption = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the config here; --config stays as it is."),
    ] = None,
    form: Annotated[Form, typer.Option("--map", help="Logistic for little data, isotonic for thousands of pairs.")] = (
        Form.LOGISTIC
    ),
    least: Annotated[float, typer.Option(help="The lowest label or grade that counts as relevant.")] = 1,
    run_name: Annotated[
        str | None, typer.Option(help="Which run of the BEIR folder; bm25 or the only one by default.")
    ] = None,
    depth: Annotated[int, typer.Option(min=1, help="Candidates per query.")] = 100,
    dry_run: Annotated[bool, typer.Option(help="Write nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Fit the map from scores to relevance on labelled data.

    The map is written into the config as "relevance". The table says what each score_threshold would do to this
    data: the precision and recall of what it keeps. They are held out: each query is judged by a map that was
    fitted on other queries, where there are at least five. In a BEIR folder the candidates of a run are the data,
    or what BM25 finds where it has no run; passages that the qrels do not name are not relevant. In the config
    file, comments and all other lines stay. With --reranker, or for a new file, give --output, which is never
    written over. Needs pip install "swaprank[calibrate]".
    """
    require("sklearn", extra="calibrate", purpose="swaprank calibrate")
    source = load(chosen(config, reranker))
    target = _target(config, output, dry_run=dry_run)
    Reranker(source)
    labelled = load_labelled(data, run=run_name, depth=depth, least=least)
    columns = (TextColumn("scoring"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("", total=len(labelled))
        found = calibrate(source, labelled, form.value, progress=lambda done: progress.advance(task, done))
    if target is not None:
        config_file.replace_file(target, _text(target, config, reranker, found))
    if as_json:
        figures = {**asdict(found), "written": None if target is None else str(target)}
        typer.echo(json.dumps(figures, ensure_ascii=False))
        return
    console = Console(highlight=False)
    apart = "each query judged by a map of the others" if found.held_out else "on the data the map was fitted on"
    console.print(f"{found.relevant} of {found.pairs} passages relevant, {found.queries} queries; {apart}")
    console.print(_table(found))
    where = "Nothing is written" if target is None else f"Written to {printable(str(target))}"
    console.print(escape(f"{where}: relevance: {json.dumps(found.relevance)}"), soft_wrap=True)


def _target(config: Path | None, output: Path | None, *, dry_run: bool) -> Path | None:
    """Where the config goes, known before the work."""
    if dry_run:
        return None
    if output is not None and output.exists():
        raise ConfigError(f"--output {str(output)!r} exists.", hint="Choose another name, or use --config alone.")
    if output is None and config is None:
        raise ConfigError(
            "There is no file to write the map to.", hint="Give --config FILE, --output FILE or --dry-run."
        )
    if output is None and config is not None:
        # Fails now if no line can be added to it.
        config_file.with_map(config, {"type": "logistic", "slope": 1.0, "intercept": 0.0})
    if output is not None:
        check_writable(output)
    return output or config


def _text(target: Path, config: Path | None, reranker: str | None, found: Calibration) -> str:
    as_json = target.suffix.lower() == ".json"
    if config is None:
        return config_file.of_config({"reranker": reranker or DEFAULT_RECIPE}, found.relevance, as_json=as_json)
    if as_json and config.suffix.lower() != ".json":
        return config_file.of_config(load(config), found.relevance, as_json=True)
    return config_file.with_map(config, found.relevance)


def _table(found: Calibration) -> Table:
    table = Table()
    for head in ("score_threshold", "precision", "recall", "kept per query"):
        table.add_column(head, justify="right")
    for row in found.thresholds:
        precision = "" if row.precision is None else f"{row.precision:.3f}"
        table.add_row(f"{row.threshold:.1f}", precision, f"{row.recall:.3f}", f"{row.kept:.1f}")
    return table
