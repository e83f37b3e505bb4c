"""A reranking task of MTEB (or RTEB, MMTEB) in a local folder, in either of its layouts.

The current one has tables ``corpus``, ``queries``, ``qrels`` and ``top_ranked``, whose names begin with the language
where there are several (``ar-corpus``); the earlier one has rows of ``query``, ``positive`` and ``negative``. Tables
are parquet or JSON lines, as the hub stores them. The candidates' order in these files means nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

from ...errors import InputError
from ...types import Passage
from .collection import Collection
from .tables import ENDINGS, rows, value

_TABLES = ("corpus", "queries", "top_ranked")


def is_mteb(folder: Path) -> bool:
    """Whether a folder is laid out like one of the two."""
    return bool(_subsets(folder)) or bool(_pair_files(folder, None))


def read_mteb(folder: Path, split: str | None, subset: str | None) -> Collection:
    """The collection of a folder.

    Args:
        folder: The task's folder, as ``git clone`` or a download brings it.
        split: Which split; None for ``test``, or whatever there is.
        subset: Which language, such as ``ar``; None where there is one only.

    Raises:
        InputError: A table is missing or does not parse, or there are several subsets and none is named.
    """
    subsets = _subsets(folder)
    if not subsets:
        return _read_pairs(folder, split)
    if subset is None:
        if len(subsets) > 1:
            raise InputError(f"{str(folder)!r} has the subsets {', '.join(subsets)}.", hint="Name one: --subset.")
        subset = subsets[0]
    if subset not in subsets:
        raise InputError(f"{str(folder)!r} has no subset {subset!r}.", hint=f"There are: {', '.join(subsets)}.")
    prefix = f"{subset}-" if subset else ""
    passages: dict[str, Passage] = {}
    queries: dict[str, str] = {}
    qrels: dict[str, dict[str, int]] = {}
    pools: dict[str, list[str]] = {}
    for row, path in _table(folder, f"{prefix}corpus", split):
        id_ = str(value(row, ("id", "_id", "corpus-id"), path))
        passages[id_] = Passage(str(value(row, ("text",), path)), id=id_, title=row.get("title") or None)
    for row, path in _table(folder, f"{prefix}queries", split):
        queries[str(value(row, ("id", "_id", "query-id"), path))] = str(value(row, ("text", "query"), path))
    for row, path in _table(folder, f"{prefix}qrels", split):
        judged = qrels.setdefault(str(value(row, ("query-id", "query_id"), path)), {})
        judged[str(value(row, ("corpus-id", "corpus_id"), path))] = int(value(row, ("score",), path))
    for row, path in _table(folder, f"{prefix}top_ranked", split):
        ids = value(row, ("corpus-ids", "corpus_ids"), path)
        pools[str(value(row, ("query-id", "query_id"), path))] = [str(id_) for id_ in ids if str(id_) in passages]
    name = f"{folder.name} {subset}".strip()
    return Collection(
        name=name, source=str(folder), passages=passages, queries=queries, qrels=qrels, split=split or "", pools=pools
    )


def _subsets(folder: Path) -> list[str]:
    """The prefixes of folders or files that make a task; the empty one where names have none."""
    names = {path.name.split(".")[0] for path in folder.iterdir()} if folder.is_dir() else set()
    prefixes = {name.removesuffix(table) for name in names for table in _TABLES if name.endswith(table)}
    whole = [one for one in prefixes if all(f"{one}{table}" in names for table in _TABLES)]
    return sorted(one.removesuffix("-") for one in whole)


def _table(folder: Path, name: str, split: str | None) -> Iterator[tuple[dict[str, Any], Path]]:
    files = [path for path in sorted(folder.glob(f"{name}.*")) if path.name.endswith(ENDINGS)]
    files += [path for path in sorted((folder / name).glob("*")) if path.name.endswith(ENDINGS)]
    wanted = [path for path in files if path.name.startswith(split or "test")] or files
    if not wanted:
        raise InputError(f"{str(folder)!r} has no table {name!r}.", hint="Has the whole task been downloaded?")
    for path in wanted:
        for row in rows(path):
            yield row, path


def _pair_files(folder: Path, split: str | None) -> list[Path]:
    places = [folder, folder / "data"]
    found = [path for place in places for ending in ENDINGS for path in sorted(place.glob(f"*{ending}"))]
    chosen = [path for path in found if path.name.startswith(split or "test")]
    return [path for path in chosen if not path.name.endswith((".tsv", ".csv"))]


def _read_pairs(folder: Path, split: str | None) -> Collection:
    """The earlier layout; passages of one text are one passage."""
    passages: dict[str, Passage] = {}
    queries: dict[str, str] = {}
    qrels: dict[str, dict[str, int]] = {}
    pools: dict[str, list[str]] = {}
    files = _pair_files(folder, split)
    if not files:
        raise InputError(f"{str(folder)!r} has no rows of the split {split or 'test'!r}.", hint="Name one: --split.")
    for path in files:
        for row in rows(path):
            asked = value(row, ("query",), path)
            labelled = [(text, 1) for text in _texts(value(row, ("positive",), path))]
            labelled += [(text, 0) for text in _texts(row.get("negative") or [])]
            for text in _texts(asked):
                query = str(len(queries))
                queries[query], qrels[query], pools[query] = text, {}, []
                for passage, grade in labelled:
                    id_ = f"p{blake2b(passage.encode(), digest_size=8).hexdigest()}"
                    passages[id_] = Passage(passage, id=id_)
                    pools[query].append(id_)
                    qrels[query][id_] = max(grade, qrels[query].get(id_, 0))
                pools[query] = list(dict.fromkeys(pools[query]))
    return Collection(
        name=folder.name,
        source=str(folder),
        passages=passages,
        queries=queries,
        qrels=qrels,
        split=split or "test",
        pools=pools,
    )


def _texts(given: Any) -> list[str]:
    return [given] if isinstance(given, str) else [str(one) for one in given]
