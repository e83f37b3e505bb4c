"""``swaprank compare``: results that ``swaprank eval`` has kept, as tables and as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ..errors import InputError
from ..evaluation.comparisons import comparisons
from ..evaluation.report.page import write_report
from ..evaluation.result import Evaluation, PassageText
from ..evaluation.significance import Test
from ..masking import printable
from . import evaluation_tables
from .files import check_writable


def compare(
    results: Annotated[
        list[Path], typer.Argument(help="Results of swaprank eval: files, or the folders of --runs; of one data set.")
    ],
    html: Annotated[Path | None, typer.Option(help="Write one page with charts, which needs no network.")] = None,
    title: Annotated[str, typer.Option(help="The heading of the page.")] = "",
) -> None:
    """Show kept results of "swaprank eval" beside one another.

    They must be of one data set. A later row of the same name takes the place of an earlier one.

    The page has quality beside latency, means with their intervals, wins and losses query by query, and for a chosen
    query where every passage went. It shows the texts of passages where swaprank eval was given --texts, and
    thumbnails of their images where it was given --images. Needs pip install
    "swaprank[report]".
    """
    if html is not None:
        check_writable(html)
    found = joined([Evaluation.load(_result_file(path)) for path in results])
    if html is not None:
        write_report(found, html, title=title)
    console = Console()
    evaluation_tables.show(found, console)
    if html is not None:
        console.print(printable(f"Written to {html}."), markup=False, highlight=False, soft_wrap=True)


def _result_file(path: Path) -> Path:
    """The result itself, or the one in a folder of ``--runs``.

    Raises:
        InputError: The folder holds none.
    """
    if not path.is_dir():
        return path
    file = path / "evaluation.json"
    if file.is_file():
        return file
    if any(path.glob("*.queries.jsonl")):
        raise InputError(
            f"The folder {str(path)!r} holds a measurement that was not finished.",
            hint=f"Give the same swaprank eval ... --runs {path} again; it goes on where it stopped.",
        )
    raise InputError(
        f"The folder {str(path)!r} holds no result: there is no evaluation.json in it.",
        hint=f"Write one with: swaprank eval ... --runs {path}",
    )


def joined(results: list[Evaluation]) -> Evaluation:
    """Several results of one data set as one; a later row of the same name takes the place of an earlier one.

    Raises:
        InputError: Their queries, candidates or measures differ.
    """
    whole = results[0]
    if len(results) == 1:
        return whole
    for other in results[1:]:
        if other.questions != whole.questions or other.measures != whole.measures:
            raise InputError(
                f"The results on {whole.dataset.name!r} and {other.dataset.name!r} do not compare: their queries, "
                "candidates, judgements or measures differ.",
                hint="Measure both with the same --data and --measures.",
            )
    rows = {row.name: row for one in results for row in one.rows}
    passages: dict[str, PassageText] = {}
    for one in results:
        for id_, shown in one.passages.items():
            told = {name: value for name, value in shown if value}  # one may have texts and another images
            passages[id_] = passages.get(id_, PassageText()).model_copy(update=told)
    tests: list[Test] = [one.test for result in results for one in result.comparisons]
    return whole.model_copy(
        update={
            "rows": list(rows.values()),
            "passages": passages,
            "comparisons": comparisons(
                list(rows.values()), whole.measures, tests[0] if tests else "randomisation", whole.seed
            ),
        }
    )
