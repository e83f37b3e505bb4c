"""Reranks a file line by line in constant memory, and resumes a run that was stopped."""

from __future__ import annotations

import itertools
import json
import logging
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import InputError
from ..images import Image
from ..reranker import Reranker
from ..types import Passage, Query, Ranking

logger = logging.getLogger(__name__)

# What the output adds to a line; an input line that has such a key is refused, not overwritten.
RESERVED = ("line", "ranking", "score_kind", "repairs", "failures", "warnings", "unscored")

_PASSAGE: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "id": (str, int, type(None)),
    "title": (str, type(None)),
    "score": (int, float, type(None)),
    "metadata": (dict, type(None)),
    "images": (str, list, type(None)),
}


@dataclass(frozen=True, slots=True)
class Job:
    """One line of the input: its number from 1, its query and passages, and its other keys."""

    line: int
    query: Query
    passages: list[Passage]
    rest: dict[str, Any]


def jobs(
    lines: Iterable[bytes], *, first: int = 1, skip_bad: bool = False, folder: Path | None = None
) -> Iterator[Job]:
    """The jobs of an input's lines; blank lines are skipped.

    Args:
        lines: The lines.
        first: The number of the first of them in the input.
        skip_bad: Leave out what cannot be read, and say so in the log.
        folder: Where paths of images begin; None for the working directory.

    Raises:
        InputError: A line cannot be read and ``skip_bad`` is false; the message has its number.
    """
    for number, text in enumerate(lines, start=first):
        if not text.strip():
            continue
        try:
            yield _job(number, text, folder)
        except InputError as error:
            if not skip_bad:
                raise
            logger.warning("%s Left out.", error)


def rerank_jobs(
    reranker: Reranker, remaining: Iterable[Job], batch_size: int, instruction: str | None = None
) -> Iterator[list[bytes]]:
    """Rerank jobs and yield their output lines, a batch at a time.

    The jobs before a line that cannot be read are done first.

    Args:
        reranker: The reranker.
        remaining: The jobs.
        batch_size: Queries reranked together.
        instruction: What counts as relevant, for the jobs that do not say so themselves.
    """
    for batch in _batches((_instructed(job, instruction) for job in remaining), batch_size):
        rankings = reranker.rerank_many([job.query for job in batch], [job.passages for job in batch])
        yield [_line(job, ranking) for job, ranking in zip(batch, rankings, strict=True)]


def resume(output: BinaryIO, remaining: Iterator[Job]) -> tuple[int, Iterator[Job]]:
    """Check the lines of an output against the jobs they came from, and skip both.

    Args:
        output: The output file, readable and writable, at its start. A half-written last line is cut
            off; the file is left at its end. One that can only be written has nothing to resume.
        remaining: The jobs of the input, from the first.

    Returns:
        How many lines are done, and the jobs that remain.

    Raises:
        InputError: The file holds something that was not made from this input; it is left as it is.
    """
    done = whole = 0
    for text in output if output.readable() else ():
        complete = text.endswith(b"\n")
        job = next((job for job in remaining if _begins_alike(text, job)), None)
        if job is None or (complete and not _fits(text, job)):
            raise InputError(
                f"{str(output.name)!r} holds a line that was not made from this input: {_shown(text)}.",
                hint="Choose another output file, or --overwrite.",
            )
        if not complete:
            remaining = itertools.chain([job], remaining)
            break
        done += 1
        whole += len(text)
    if output.readable():
        output.seek(whole)
        output.truncate()
    return done, remaining


def _begins_alike(text: bytes, job: Job) -> bool:
    """Whether an output line, perhaps half-written, begins as the job's does."""
    head = _head(job)
    return text.startswith(head) or (head.startswith(text) and not text.endswith(b"\n"))


def _fits(text: bytes, job: Job) -> bool:
    """Whether a whole output line ranks the passages of the job."""
    try:
        ranked = {(one["index"], one["id"]) for one in json.loads(text)["ranking"]}
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
    return ranked <= set(enumerate(passage.id for passage in job.passages))


def _batches(remaining: Iterable[Job], size: int) -> Iterator[list[Job]]:
    batch: list[Job] = []
    try:
        for job in remaining:
            batch.append(job)
            if len(batch) == size:
                yield batch
                batch = []
    except InputError:
        if batch:
            yield batch
        raise
    if batch:
        yield batch


def _instructed(job: Job, instruction: str | None) -> Job:
    return job if job.query.instruction else replace(job, query=replace(job.query, instruction=instruction))


def _job(number: int, text: bytes, folder: Path | None) -> Job:
    entry = _parsed(number, text)
    query = entry.get("query") if isinstance(entry, dict) else None
    shown = listed_images(entry.get("query_images"), f"Line {number}", folder) if isinstance(entry, dict) else ()
    if not isinstance(query, str) or not (query.strip() or shown):
        raise InputError(f"Line {number} has no query: {_shown(text)}.")
    if not isinstance(entry.get("passages"), list):
        raise InputError(f"Line {number} has no list of passages.")
    taken = [key for key in RESERVED if key in entry]
    if taken:
        raise InputError(f"Line {number} has the key {taken[0]!r}, which the output needs.", hint="Rename it.")
    passages = [_passage(number, place, given, folder) for place, given in enumerate(entry["passages"])]
    rest = _carried(number, {key: value for key, value in entry.items() if key not in ("query", "passages")})
    instruction = entry.get("instruction")
    if not isinstance(instruction, str | None):
        raise InputError(f"Line {number} has the instruction {str(instruction)[:60]!r}.", hint="Give a text.")
    return Job(number, Query(query, instruction=instruction, images=shown), passages, rest)


def _parsed(number: int, text: bytes) -> Any:
    """The value of a line. JSON can escape half a surrogate pair, which no tokenizer and no file accepts."""
    try:
        entry = json.loads(text.decode("utf-8-sig"))
        if b"\\u" in text:
            json.dumps(entry, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise InputError(f"Line {number} is not JSON in UTF-8: {error}.") from error
    return entry


def _carried(number: int, rest: dict[str, Any]) -> dict[str, Any]:
    """The keys that the output repeats. Python reads NaN and Infinity, which JSON lacks: they become null."""
    try:
        json.dumps(rest, allow_nan=False)
    except RecursionError as error:
        raise InputError(f"Line {number} is nested too deep.") from error
    except ValueError:
        return {key: _finite(value) for key, value in rest.items()}
    return rest


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _passage(number: int, place: int, given: Any, folder: Path | None) -> Passage:
    fields = {"text": given} if isinstance(given, str) else given
    if not isinstance(fields, Mapping) or not fields.keys() & {"text", "images"} or fields.keys() - _PASSAGE:
        others = ", ".join(sorted(_PASSAGE.keys() - {"text", "images"}))
        raise InputError(
            f"Line {number}, passage {place} is {str(given)[:60]!r}.",
            hint=f"Give a text, or a mapping with text or images, and any of {others}.",
        )
    for key, value in fields.items():
        if (
            not isinstance(value, _PASSAGE[key])
            or isinstance(value, bool)
            or (key == "score" and not _is_finite(value))
        ):
            raise InputError(f"Line {number}, passage {place} has the {key} {str(value)[:60]!r}.")
    given_fields: dict[str, Any] = {key: value for key, value in fields.items() if value is not None}
    where = f"Line {number}, passage {place}"
    return Passage(
        **{"text": "", **given_fields, "images": listed_images(given_fields.get("images"), where, folder)},
    )


def listed_images(given: Any, where: str, folder: Path | None) -> tuple[Image, ...]:
    """Images by their paths or ``data:`` URLs, one or a list of them.

    Args:
        given: What a line holds; None for no images.
        where: What messages call the line.
        folder: Where paths begin; None for the working directory.

    Raises:
        InputError: Something that is neither.
    """
    listed = given if isinstance(given, list) else [] if given is None else [given]
    if not all(isinstance(one, str) and one for one in listed):
        raise InputError(f"{where} has the images {str(given)[:60]!r}.", hint="Give a path, or a list of paths.")
    return tuple(Image(one if _is_url(one) or folder is None else folder / one) for one in listed)


def _is_url(text: str) -> bool:
    return text.startswith(("data:", "http://", "https://"))


def _is_finite(score: Any) -> bool:
    """JSON has integers of any size, and Python reads NaN and Infinity too."""
    try:
        return score is None or math.isfinite(score)
    except OverflowError:
        return False


def _head(job: Job) -> bytes:
    """What an output line begins with: all that is known before the ranking."""
    return _dumped({"line": job.line, "query": job.query.text, **job.rest})[:-1] + b', "ranking": '


def _line(job: Job, ranking: Ranking) -> bytes:
    kept = []
    for ranked in ranking.passages:
        entry: dict[str, Any] = {
            "index": ranked.index,
            "id": ranked.passage.id,
            "score": ranked.score,
            "rank": ranked.rank,
        }
        if ranked.relevance is not None:
            entry["relevance"] = ranked.relevance
        if ranked.reasoning:
            entry["reasoning"] = ranked.reasoning
        if ranked.highlights:
            entry["highlights"] = [asdict(highlight) for highlight in ranked.highlights]
        kept.append(entry)
    outcome = {
        "score_kind": ranking.score_kind.value,
        "repairs": ranking.repairs,
        "failures": [asdict(failure) for failure in ranking.failures],
        **({"warnings": ranking.warnings} if ranking.warnings else {}),
        **({"unscored": ranking.unscored} if ranking.unscored else {}),
    }
    return _head(job) + _dumped(kept) + b", " + _dumped(outcome)[1:] + b"\n"


def _dumped(value: Any) -> bytes:
    """Strict JSON in UTF-8; what models and servers write may hold half a surrogate pair."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode(errors="replace")


def _shown(text: bytes) -> str:
    return repr(text.decode(errors="replace").strip()[:60])
