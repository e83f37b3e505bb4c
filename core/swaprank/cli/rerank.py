"""``swaprank rerank``: JSONL in, JSONL out."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ..errors import ConfigError
from ..masking import printable
from ..runs import distributed, jsonl, streams
from ..runs.provenance import check_same_config
from .interruption import interruptible
from .messages import complain
from .options import ConfigOption, RerankerOption, TopNOption, build


class OnBadLine(StrEnum):
    """What to do with a line that cannot be read."""

    FAIL = "fail"
    SKIP = "skip"


def rerank(
    config: ConfigOption = None,
    reranker: RerankerOption = None,
    top_n: TopNOption = None,
    instruction: Annotated[
        str | None, typer.Option(help="What counts as relevant, for methods that take it and lines that do not say it.")
    ] = None,
    source: Annotated[Path, typer.Option("--input", "-i", help="JSONL file; - reads standard input.")] = Path("-"),
    target: Annotated[Path, typer.Option("--output", "-o", help="JSONL file; - writes standard output.")] = Path("-"),
    batch_size: Annotated[int, typer.Option(min=1, help="Queries reranked together.")] = 16,
    on_bad_line: Annotated[OnBadLine, typer.Option(help="Stop at a line that cannot be read, or leave it out.")] = (
        OnBadLine.FAIL
    ),
    overwrite: Annotated[bool, typer.Option(help="Overwrite the output file instead of continuing it.")] = False,
    ray: Annotated[
        bool, typer.Option("--ray", help="Rerank with Ray Data, here or on the cluster of RAY_ADDRESS.")
    ] = False,
    actors: Annotated[int, typer.Option(min=1, help="Rerankers at work at the same time, with --ray.")] = 1,
    actor_cpus: Annotated[float, typer.Option(min=0, help="Cores reserved for each, with --ray.")] = 1,
    actor_gpus: Annotated[float, typer.Option(min=0, help="GPUs reserved for each, with --ray.")] = 0,
) -> None:
    """Rerank a file of queries with their passages.

    A line holds {"query": ..., "passages": [...]}; a passage is a text or {"text", "id", "title", "score",
    "metadata", "images"}. Images are paths, relative to the folder of the input file, or data: URLs, one or a list; a
    query's stand beside it as "query_images".
    It may hold an "instruction": what counts as relevant for this query, for methods that take one. That and all other
    keys are carried through. A line of the output holds its input line number as "line", the query, the other
    keys, and "ranking": the kept passages, best first, as {"index", "id", "score", "rank"}, where index is the place
    among the input's passages, from 0, with "relevance" (0 to 1) where the scores have a map to it, and "reasoning"
    where the model gave one; and "score_kind", "repairs" and "failures".
    If the output file exists, it is checked against the input and continued where it ends; a half-written last line is
    written again. One that another config wrote is refused. No other run can write it at the same time.
    Input that gzip compressed is decompressed. NaN and Infinity in a carried key become null, because JSON lacks them.
    With --ray, a worker that dies is replaced and its lines are reranked again; the output and its order are the same.
    """
    if ray and str(source) == "-":
        raise ConfigError("--ray reads standard input.", hint="Give a file that all nodes can read with --input.")
    built = build(config, reranker, top_n)
    skip_bad = on_bad_line is OnBadLine.SKIP
    columns = (
        *(TextColumn("reranking"), BarColumn(), MofNCompleteColumn()),
        *(TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()),
    )
    watched = sys.stderr.isatty()
    done = written = 0
    with (
        interruptible(lambda: _kept(done + written, target)),
        streams.open_input(source) as lines,
        streams.open_output(target, source=lines, overwrite=overwrite) as output,
        Progress(*columns, console=Console(stderr=True), disable=not watched) as progress,
    ):
        check_same_config(output, target, {"config": built.to_config(), "instruction": instruction})
        folder = None if str(source) == "-" else source.parent
        done, unfinished = jsonl.resume(output, jsonl.jobs(lines, skip_bad=skip_bad, folder=folder))
        task = progress.add_task("", total=_lines(source) if watched else None, completed=done)
        if ray:
            batches = distributed.rerank_jobs(
                built,
                source,
                unfinished,
                pool=distributed.ActorPool(actors, actor_cpus, actor_gpus),
                batch_size=batch_size,
                instruction=instruction,
                skip_bad=skip_bad,
            )
        else:
            batches = jsonl.rerank_jobs(built, unfinished, batch_size, instruction)
        for results in batches:
            output.write(b"".join(results))
            written += len(results)
            output.flush()
            progress.advance(task, len(results))
    if not done + written:
        complain(f"{_named(source)} holds no query that can be read; nothing was reranked.", about="Warning")
    elif str(target) != "-":
        Console(stderr=True, soft_wrap=True).print(_written(written, done, target), markup=False, highlight=False)


def _written(count: int, before: int, target: Path) -> str:
    """What a run that has ended has written."""
    lines = "1 line" if count == 1 else f"{count} lines"
    more = f", behind the {before} that it held" if before else ""
    return printable(f"Wrote {lines} to {str(target)!r}{more}.")


def _kept(count: int, target: Path) -> str:
    """What an interrupted run has written, and how to go on."""
    lines = "1 line is" if count == 1 else f"{count} lines are"
    if str(target) == "-":
        return f"{lines} on standard output; with --output FILE, the same command goes on where it stopped"
    return f"{lines} in {str(target)!r}; the same command goes on there"


def _named(source: Path) -> str:
    return "The standard input" if str(source) == "-" else repr(str(source))


def _lines(source: Path) -> int | None:
    """How many lines there are to rerank; None for standard input, which can be read only once."""
    if str(source) == "-":
        return None
    with streams.open_input(source) as lines:
        return sum(1 for line in lines if line.strip())
