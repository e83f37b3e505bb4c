"""Rows of data files: JSON lines (also compressed by gzip), parquet, and columns separated by tabs."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...errors import InputError, require
from ...runs.streams import open_input

ENDINGS = (".jsonl", ".jsonl.gz", ".json.gz", ".parquet", ".tsv", ".csv")


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of one file by the names of its columns.

    Raises:
        InputError: The file cannot be read as what its ending says.
        MissingDependencyError: It is parquet, and pyarrow is missing.
    """
    if path.suffix == ".parquet":
        yield from _parquet(path)
    elif path.suffix in (".tsv", ".csv"):
        yield from _separated(path)
    else:
        yield from objects(path)


def objects(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file of JSON lines.

    Raises:
        InputError: A line is something else.
    """
    with open_input(path) as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                entry = json.loads(line.decode("utf-8-sig"))
            except (ValueError, RecursionError) as error:
                raise InputError(f"{str(path)!r}, line {number} is not JSON in UTF-8: {error}.") from error
            if not isinstance(entry, dict):
                raise InputError(f"{str(path)!r}, line {number} is no object.")
            yield entry


def value(row: dict[str, Any], names: tuple[str, ...], path: Path) -> Any:
    """The value of the first of these columns that a row has.

    Raises:
        InputError: It has none of them.
    """
    for name in names:
        if row.get(name) is not None:
            return row[name]
    raise InputError(f"{str(path)!r} has no column {' or '.join(names)}: it has {', '.join(map(str, row))}.")


def _parquet(path: Path) -> Iterator[dict[str, Any]]:
    parquet = require("pyarrow.parquet", extra="eval", purpose="Reading parquet")
    try:
        with path.open("rb") as file:
            for batch in parquet.ParquetFile(file).iter_batches():
                yield from batch.to_pylist()
    except (OSError, ValueError) as error:  # pyarrow's errors are of these
        raise InputError(f"{str(path)!r} cannot be read as parquet: {error}.") from error


def _separated(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            if path.suffix == ".tsv":
                yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            else:
                yield from csv.DictReader(file)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{str(path)!r} cannot be read: {error}.") from error
