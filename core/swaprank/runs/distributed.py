"""Reranking a JSONL file with Ray Data: actors that hold a reranker each, on one machine or on a cluster.

Ray reads the file in blocks, keeps every actor busy, replaces actors that die and gives their blocks to others.
The output lines come back in the order of the input, so that `jsonl.resume` can continue a run that was stopped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import errors
from ..errors import SwaprankError, require
from ..reranker import Reranker
from . import jsonl, streams

if TYPE_CHECKING:
    import pyarrow as pa

# A block of the file is this many batches: read, reranked and, after a crash, redone as a whole.
_BATCHES = 8


@dataclass(frozen=True, slots=True)
class ActorPool:
    """How many actors, and what each of them gets.

    Attributes:
        actors: Rerankers that work at the same time.
        cpus: Cores that Ray reserves for each.
        gpus: Accelerators that Ray reserves for each.
    """

    actors: int = 1
    cpus: float = 1.0
    gpus: float = 0.0


def rerank_jobs(
    reranker: Reranker,
    source: Path,
    remaining: Iterator[jsonl.Job],
    *,
    pool: ActorPool,
    batch_size: int,
    instruction: str | None = None,
    skip_bad: bool = False,
) -> Iterator[list[bytes]]:
    """Rerank jobs and yield their output lines in the order of the input, a batch at a time.

    Args:
        reranker: The reranker; every actor gets a copy of its config, not of its model.
        source: The input file, under a path that every node can read.
        remaining: The jobs that remain. Only the line number of the first is used: Ray reads the file from there.
        pool: The actors.
        batch_size: Queries reranked together.
        instruction: What counts as relevant, for the lines that do not say so themselves.
        skip_bad: Leave out lines that cannot be read.

    Raises:
        MissingDependencyError: Ray is not installed.
        InputError: A line cannot be read and ``skip_bad`` is false; those before it have been given out.
        BackendError: A model failed and the reranker's ``on_error`` is ``raise``.
    """
    ray: Any = require("ray", extra="ray", purpose="Reranking with Ray")
    data: Any = require("ray.data", extra="ray", purpose="Reranking with Ray")
    if not ray.is_initialized():
        ray.init(include_dashboard=False, log_to_driver=False)
    context = data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    following = next(remaining, None)
    if following is None:
        return
    tasks = [_task(data, block) for block in _blocks(source, following.line, batch_size * _BATCHES)]
    # Reading takes no core: the actors may have taken all there are.
    lines = data.read_datasource(_source(data, tasks), override_num_blocks=len(tasks), num_cpus=0)
    done = lines.map_batches(
        _Actor,
        fn_constructor_args=(reranker, instruction, skip_bad, source.parent),
        batch_format="pyarrow",
        batch_size=batch_size,
        compute=data.ActorPoolStrategy(size=pool.actors),
        num_cpus=pool.cpus,
        num_gpus=pool.gpus,
    )
    for batch in done.iter_batches(batch_format="pyarrow", batch_size=None):
        rows = batch.to_pylist()
        yield [row["done"] for row in rows if row["done"]]
        for row in rows:
            if row["error"]:
                raise _rebuilt(row["error"])


@dataclass(frozen=True, slots=True)
class _Block:
    """Some lines of a file: where they begin, in bytes and in lines, and how many they are."""

    source: Path
    offset: int
    first: int
    lines: int

    def read(self) -> Iterator[pa.Table]:
        import pyarrow as pa

        with streams.open_input(self.source) as file:
            file.seek(self.offset)
            texts = [file.readline() for _ in range(self.lines)]
        yield pa.table({"line": pa.array(range(self.first, self.first + self.lines)), "text": texts})


def _blocks(source: Path, first: int, size: int) -> Iterator[_Block]:
    with streams.open_input(source) as file:
        offset = begin = lines = 0
        for number, text in enumerate(file, start=1):
            if number >= first:
                if lines == 0:
                    begin = offset
                lines += 1
                if lines == size:
                    yield _Block(source, begin, number - lines + 1, lines)
                    lines = 0
            offset += len(text)
        if lines:
            yield _Block(source, begin, number - lines + 1, lines)


def _task(data: Any, block: _Block) -> Any:
    about = data.block.BlockMetadata(num_rows=block.lines, size_bytes=None, input_files=None, exec_stats=None)
    return data.ReadTask(block.read, about)


def _source(data: Any, tasks: list[Any]) -> Any:
    """The file as Ray wants it described."""

    class Lines(data.Datasource):  # type: ignore[misc]
        def get_read_tasks(self, *_: Any, **__: Any) -> list[Any]:
            return tasks

        def estimate_inmemory_data_size(self) -> None:
            return None

    return Lines()


class _Actor:
    """A reranker in a process of its own."""

    def __init__(self, reranker: Reranker, instruction: str | None, skip_bad: bool, folder: Path) -> None:
        self._folder = folder
        self._reranker = reranker
        self._instruction = instruction
        self._skip_bad = skip_bad

    def __call__(self, batch: pa.Table) -> pa.Table:
        """One row per line: its output, or the error that it ended in."""
        import pyarrow as pa

        rows = batch.to_pylist()
        done: list[bytes] = []
        error = ""
        try:
            for results in jsonl.rerank_jobs(self._reranker, self._jobs(rows), len(rows), self._instruction):
                done += results
        except SwaprankError as failure:
            error = _report(failure)
        return pa.table(
            {
                "done": pa.array([*done, *([b""] if error else [])], pa.binary()),
                "error": pa.array([""] * len(done) + ([error] if error else []), pa.string()),
            }
        )

    def _jobs(self, rows: list[dict[str, Any]]) -> Iterator[jsonl.Job]:
        for row in rows:
            yield from jsonl.jobs([row["text"]], first=row["line"], skip_bad=self._skip_bad, folder=self._folder)


def _report(failure: SwaprankError) -> str:
    """An error as a text that every node can read: its nearest class in `errors`, its message and its fields."""
    kind = next(kind for kind in type(failure).__mro__ if getattr(errors, kind.__name__, None) is kind)
    fields = {key: value for key, value in vars(failure).items() if isinstance(value, str | int | float | None)}
    return json.dumps({"kind": kind.__name__, "message": str(failure), "fields": fields})


def _rebuilt(report: str) -> SwaprankError:
    """The error that a worker reported."""
    found = json.loads(report)
    failure: SwaprankError = getattr(errors, found["kind"])(found["message"])
    vars(failure).update(found["fields"])
    return failure
