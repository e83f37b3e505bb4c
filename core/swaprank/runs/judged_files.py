"""The files of test collections: JSON lines, judgements and runs, each wrong line told by its number."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError
from .streams import open_input


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, with their numbers.

    Raises:
        InputError: The file cannot be read, or is not text in UTF-8.
    """
    with open_input(path) as file:
        for number, line in enumerate(file, start=1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                raise InputError(f"{str(path)!r}, line {number} is not text in UTF-8: {error}.") from error
            if text.strip():
                yield number, text


def json_lines(path: Path, required: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The objects of a JSONL file.

    Args:
        path: The file; gzip is read too.
        required: Keys that every object must have, with a text each.

    Raises:
        InputError: A line is something else.
    """
    for number, line in lines(path):
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}, line {number} is not JSON: {error}.") from error
        missing = [key for key in required if not isinstance(entry, Mapping) or key not in entry]
        if missing:
            raise InputError(f"{path}, line {number} lacks {', '.join(missing)}.")
        texts = {"title": entry.get("title") or "", **{key: entry[key] for key in required}}
        for key, value in texts.items():
            if not isinstance(value, str):
                raise InputError(f"{path}, line {number}: {key} is {str(value)[:60]}, which is not text.")
        yield entry


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Judgements by query id and passage id: BEIR's three columns with a header, or TREC's four.

    Raises:
        InputError: A line is something else.
    """
    qrels: dict[str, dict[str, int]] = {}
    for number, line in lines(path):
        parts = line.split()
        if number == 1 and "query-id" in line:
            continue
        try:
            query, passage, relevance = parts if len(parts) == 3 else (parts[0], *parts[2:])
            qrels.setdefault(query, {})[passage] = int(relevance)
        except (IndexError, ValueError) as error:
            raise InputError(f"{path}, line {number} is neither 3 columns of BEIR nor 4 of TREC: {line!r}.") from error
    return qrels


def read_run(path: Path) -> dict[str, list[tuple[str, float]]]:
    """A TREC run: passage ids with their scores by query id, best first.

    Raises:
        InputError: A line is something else.
    """
    found: dict[str, list[tuple[str, float]]] = {}
    for number, line in lines(path):
        try:
            query, _, passage, _, score, _ = line.split()
            if not math.isfinite(float(score)):
                raise ValueError(score)
            found.setdefault(query, []).append((passage, float(score)))
        except ValueError as error:
            raise InputError(f"{path}, line {number} is not a line of a TREC run: {line!r}.") from error
    return {query: sorted(ranked, key=lambda one: -one[1]) for query, ranked in found.items()}
