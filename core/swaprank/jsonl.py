"""Reranking files line by line: constant memory, and a run that was stopped goes on where it ended."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from .errors import InputError
from .reranker import Reranker
from .types import Passage, Ranking

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """One line of the input: its number from 1, its query and passages, and its other keys."""

    line: int
    query: str
    passages: list[Passage]
    rest: dict[str, Any]


def jobs(lines: Iterable[str], *, after: int = 0, skip_bad: bool = False) -> Iterator[Job]:
    """The jobs of the lines behind line ``after``; blank lines are passed over.

    Raises:
        InputError: A line cannot be read and ``skip_bad`` is false; the message has its number.
    """
    for number, text in enumerate(lines, start=1):
        if number <= after or not text.strip():
            continue
        try:
            yield _job(number, text)
        except InputError as error:
            if not skip_bad:
                raise
            logger.warning("%s Left out.", error)


def reranked(reranker: Reranker, waiting: Iterable[Job], batch_size: int) -> Iterator[list[str]]:
    """Output lines, a batch at a time."""
    waiting = iter(waiting)
    while batch := list(islice(waiting, batch_size)):
        rankings = reranker.rerank_many([job.query for job in batch], [job.passages for job in batch])
        yield [_line(job, ranking) for job, ranking in zip(batch, rankings, strict=True)]


def resume(output: Path) -> int:
    """How many input lines an output file has done; cuts off a half-written last line.

    Raises:
        InputError: The file holds something that this command did not write.
    """
    if not output.exists():
        return 0
    done = whole = 0
    with output.open("rb+") as file:
        for text in file:
            if not text.endswith(b"\n"):
                break
            try:
                done = int(json.loads(text)["line"])
            except (ValueError, KeyError, TypeError) as error:
                raise InputError(
                    f"{str(output)!r} holds a line that this command did not write: {text[:60]!r}.",
                    hint="Choose another output file, or --overwrite.",
                ) from error
            whole += len(text)
        file.truncate(whole)
    return done


@contextmanager
def reading(source: Path) -> Iterator[TextIO]:
    """The lines of a file, or of standard input for ``-``."""
    if str(source) == "-":
        yield sys.stdin
        return
    try:
        file = source.open(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{str(source)!r} cannot be read: {error.strerror}.") from error
    with file:
        yield file


@contextmanager
def writing(target: Path, *, anew: bool) -> Iterator[TextIO]:
    """A file to append to (or to write anew), or standard output for ``-``."""
    if str(target) == "-":
        yield sys.stdout
        return
    with target.open("w" if anew else "a", encoding="utf-8") as file:
        yield file


def _job(number: int, text: str) -> Job:
    try:
        entry = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"Line {number} is no JSON: {error}.") from error
    if not isinstance(entry, dict) or not isinstance(entry.get("query"), str) or not entry["query"].strip():
        raise InputError(f"Line {number} has no query: {text.strip()[:60]!r}.")
    if not isinstance(entry.get("passages"), list):
        raise InputError(f"Line {number} has no list of passages.")
    passages = [_passage(number, place, given) for place, given in enumerate(entry["passages"])]
    rest = {key: value for key, value in entry.items() if key not in ("query", "passages")}
    return Job(number, entry["query"], passages, rest)


def _passage(number: int, place: int, given: Any) -> Passage:
    if isinstance(given, str):
        return Passage(given)
    known = {"text", "id", "title", "score", "metadata"}
    if not isinstance(given, dict) or not isinstance(given.get("text"), str) or given.keys() - known:
        raise InputError(
            f"Line {number}, passage {place} is {str(given)[:60]!r}.",
            hint=f"Give a text, or a mapping with text and any of {', '.join(sorted(known - {'text'}))}.",
        )
    return Passage(**given)


def _line(job: Job, ranking: Ranking) -> str:
    kept = []
    for ranked in ranking.passages:
        entry: dict[str, Any] = {
            "index": ranked.index,
            "id": ranked.passage.id,
            "score": ranked.score,
            "rank": ranked.rank,
        }
        if ranked.reasoning:
            entry["reasoning"] = ranked.reasoning
        kept.append(entry)
    result = {
        "line": job.line,
        "query": job.query,
        **job.rest,
        "ranking": kept,
        "score_kind": ranking.score_kind.value,
        "repairs": ranking.repairs,
        "failures": [asdict(failure) for failure in ranking.failures],
    }
    return json.dumps(result, ensure_ascii=False) + "\n"
