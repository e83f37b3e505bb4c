"""Labelled data: queries with passages that are known to be relevant or not."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..evaluation.sources.open_data import DataOptions, open_data
from ..runs.streams import open_input
from ..types import Passage, Query

_HINT = 'A line is {"query": "...", "passage": "...", "label": 1}; a passage may be {"text": ..., "title": ...}.'
_FIELDS = ("text", "title", "id", "score", "metadata")


@dataclass
class Labelled:
    """One query with its passages.

    Attributes:
        query: The query.
        passages: Its passages, in the order in which the reranker shall see them.
        relevant: Whether each of them is relevant.
    """

    query: Query
    passages: list[Passage] = field(default_factory=list)
    relevant: list[bool] = field(default_factory=list)


def load_labelled(path: Path, *, run: str | None = None, depth: int = 100, least: float = 1) -> list[Labelled]:
    """A folder of judged data with its first-stage candidates, or a JSONL file of labelled pairs.

    Args:
        path: The folder, or the file (gzip is read too). Pairs of one query and one instruction make one list.
        run: The run of a BEIR folder, whose candidates are labelled by the qrels; unjudged ones are not relevant. None
            for its only run or ``bm25``; where it has no run, BM25 searches it.
        depth: Candidates per query.
        least: The lowest label or grade that counts as relevant.

    Raises:
        InputError: It does not parse, or one of both classes is missing.
    """
    found = _judged(path, run, depth, least) if path.is_dir() else _pairs(path, least)
    relevant = sum(sum(each.relevant) for each in found)
    count = sum(len(each.relevant) for each in found)
    if not 0 < relevant < count:
        raise InputError(
            f"{str(path)!r} has {count} labelled pairs, of which {relevant} are relevant: a map needs both classes.",
            hint=f"A label of {least:g} or more says relevant (--least).",
        )
    return found


def _judged(folder: Path, run: str | None, depth: int, least: float) -> list[Labelled]:
    data = open_data(DataOptions(data=str(folder), run_name=run, depth=depth))
    return [
        Labelled(
            Query(data.queries[query]),
            passages,
            [data.qrels[query].get(passage.id or "", 0) >= least for passage in passages],
        )
        for query, passages in data.candidates.items()
        if passages and data.queries[query].strip()
    ]


def _pairs(path: Path, least: float) -> list[Labelled]:
    if not path.is_file():
        raise InputError(f"There is no file or folder {str(path)!r}.", hint="Give a BEIR folder or a JSONL file.")
    found: dict[tuple[str, str | None], Labelled] = {}
    for number, entry in _entries(path):
        query, instruction, label = entry.get("query"), entry.get("instruction"), entry.get("label")
        if not isinstance(query, str) or not query.strip():
            raise InputError(f"Line {number} of {str(path)!r} has no query.", hint=_HINT)
        if not isinstance(instruction, str | None):
            raise InputError(f"Line {number} of {str(path)!r} has the instruction {str(instruction)[:60]!r}.")
        if not isinstance(label, bool | int | float) or not math.isfinite(label):
            raise InputError(f"Line {number} of {str(path)!r} has the label {str(label)[:60]!r}.", hint=_HINT)
        group = found.setdefault((query, instruction), Labelled(Query(query, instruction=instruction)))
        group.passages.append(_passage(entry.get("passage"), f"Line {number} of {str(path)!r}"))
        group.relevant.append(label >= least)
    return list(found.values())


def _entries(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with open_input(path) as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                entry = json.loads(line.decode("utf-8-sig"))
            except (ValueError, RecursionError) as error:
                raise InputError(f"Line {number} of {str(path)!r} is not JSON in UTF-8: {error}.") from error
            if not isinstance(entry, dict):
                raise InputError(f"Line {number} of {str(path)!r} is no mapping.", hint=_HINT)
            yield number, entry


def _passage(given: Any, where: str) -> Passage:
    fields = {"text": given} if isinstance(given, str) else given
    if not isinstance(fields, dict) or not isinstance(fields.get("text"), str) or fields.keys() - set(_FIELDS):
        raise InputError(f"{where} has the passage {str(given)[:60]!r}.", hint=_HINT)
    return Passage(**{key: value for key, value in fields.items() if value is not None})
