"""What was measured already, in a file: an evaluation that was interrupted goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import ValidationError

from .. import __version__
from ..types import Passage
from .result import QueryResult


class QueryLog:
    """One file per row: a line per query, written as soon as the query is done.

    A line counts for the same config, version, batch size, query text and candidates only, which its key stands for.
    What does not count is left out and measured again.

    Args:
        path: The file; None keeps nothing.
        config: The config of the row, without secrets.
        batch_size: How many queries were timed together.
    """

    def __init__(self, path: Path | None, config: Mapping[str, Any], batch_size: int) -> None:
        self._row = json.dumps([__version__, batch_size, config], sort_keys=True, default=str)
        self._known = {} if path is None else _read(path)
        self._file: BinaryIO | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab")

    def known(self, query: str, text: str, candidates: Sequence[Passage]) -> QueryResult | None:
        """What was measured for this query before; None where that is nothing."""
        key, found = self._known.get(query, ("", None))
        return found if found is not None and key == self._key(text, candidates) else None

    def add(self, query: str, text: str, candidates: Sequence[Passage], result: QueryResult) -> None:
        """Write a line, so that it outlives this process."""
        if self._file is None:
            return
        line = {"query": query, "key": self._key(text, candidates), "result": result.model_dump(mode="json")}
        self._file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file; what is in it stays."""
        if self._file is not None:
            self._file.close()

    def _key(self, text: str, candidates: Sequence[Passage]) -> str:
        shown = [[one.id, one.content, one.score, [image.digest for image in one.images]] for one in candidates]
        told = json.dumps([self._row, text, shown], ensure_ascii=True)
        return hashlib.sha256(told.encode()).hexdigest()[:32]


def _read(path: Path) -> dict[str, tuple[str, QueryResult]]:
    """The lines of an earlier run; of several about one query the last counts, and a torn one does not."""
    found: dict[str, tuple[str, QueryResult]] = {}
    if not path.exists():
        return found
    for line in path.read_bytes().splitlines():
        try:
            entry = json.loads(line)
            found[entry["query"]] = entry["key"], QueryResult.model_validate(entry["result"])
        except (ValueError, KeyError, TypeError, ValidationError):
            continue
    return found
