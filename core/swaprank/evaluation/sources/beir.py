"""A BEIR folder: corpus.jsonl, queries.jsonl and qrels/<split>.tsv; or the same as single files."""

from __future__ import annotations

from pathlib import Path

from ...errors import InputError
from ...runs.jsonl import listed_images
from ...runs.judged_files import json_lines, read_qrels
from ...types import Passage
from .collection import Collection

ALL = "all"


def is_beir(folder: Path) -> bool:
    """Whether a folder is laid out like this."""
    return (folder / "queries.jsonl").is_file() and (folder / "corpus.jsonl").is_file()


def splits(folder: Path) -> list[str]:
    """The splits that have judgements."""
    return sorted(path.stem for path in (folder / "qrels").glob("*.tsv"))


def qrels_of(folder: Path, split: str | None) -> tuple[str, dict[str, dict[str, int]]]:
    """The judgements of a split, with its name.

    Args:
        folder: The BEIR folder.
        split: Its name, or ``"all"`` for those of all splits together; None for ``test``, or the only one.

    Raises:
        InputError: There is no such split, or there are several and none is named.
    """
    known = splits(folder)
    if split is None:
        if "test" not in known and len(known) != 1:
            raise InputError(
                f"{str(folder)!r} has the splits {', '.join(known) or 'of no judgements'}.", hint="Name one: --split."
            )
        split = "test" if "test" in known else known[0]
    if split != ALL and split not in known:
        raise InputError(f"{str(folder)!r} has no split {split!r}.", hint=f"There are: {', '.join(known)}.")
    found: dict[str, dict[str, int]] = {}
    for one in known if split == ALL else [split]:
        for query, judged in read_qrels(folder / "qrels" / f"{one}.tsv").items():
            found.setdefault(query, {}).update(judged)
    return split, found


def read_beir(folder: Path, split: str | None) -> Collection:
    """The whole collection of a folder.

    Raises:
        InputError: A file is missing or does not parse.
    """
    name, judged = qrels_of(folder, split)
    return Collection(
        name=folder.name,
        source=str(folder),
        passages=read_corpus(folder / "corpus.jsonl"),
        queries=read_queries(folder / "queries.jsonl"),
        qrels=judged,
        split=name,
    )


def read_files(*, corpus: Path, queries: Path, qrels: Path) -> Collection:
    """The same from single files.

    Raises:
        InputError: A file is missing or does not parse.
    """
    return Collection(
        name=corpus.resolve().parent.name,
        source=str(corpus),
        passages=read_corpus(corpus),
        queries=read_queries(queries),
        qrels=read_qrels(qrels),
    )


def read_corpus(path: Path) -> dict[str, Passage]:
    """Passages by id, of lines {"_id", "title", "text", "images"}; images begin in the file's folder."""
    return {
        entry["_id"]: Passage(
            entry["text"],
            id=entry["_id"],
            title=entry.get("title") or None,
            images=listed_images(entry.get("images"), f"{path}, passage {entry['_id']!r},", path.parent),
        )
        for entry in json_lines(path, ("_id", "text"))
    }


def read_queries(path: Path) -> dict[str, str]:
    """Query texts by id, of lines {"_id", "text"}."""
    return {entry["_id"]: entry["text"] for entry in json_lines(path, ("_id", "text"))}
