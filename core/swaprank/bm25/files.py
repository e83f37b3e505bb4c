"""The files of a BM25 index: those of bm25s, and beside them the terms of each document, ids and analysis."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConfigError
from ..requests import Analysis

if TYPE_CHECKING:
    from bm25s import BM25
    from numpy.typing import NDArray

MANIFEST = "swaprank.json"
_FORMAT = 1
_IDS, _TERMS, _STARTS, _KEYS, _BY_KEY = "ids.json", "terms.npy", "starts.npy", "keys.npy", "by_key.npy"


@dataclass(frozen=True)
class Stored:
    """An open index.

    Attributes:
        path: Its folder.
        bm25: The scores of every term in every document.
        vocabulary: Term to id.
        analysis: How texts became terms.
        average_length: Terms per document.
        keys: Hash of each document's text, by row.
        by_key: Rows in the order of their keys.
    """

    path: Path
    bm25: BM25
    vocabulary: dict[str, int]
    analysis: Analysis
    average_length: float
    keys: NDArray[np.uint64]
    by_key: NDArray[np.int64]

    def find(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The row of each key, -1 for those that are not there."""
        places = np.searchsorted(self.keys, keys, sorter=self.by_key)
        rows = np.asarray(self.by_key)[np.minimum(places, len(self.by_key) - 1)]
        return np.where(self.keys[rows] == keys, rows, -1)

    def holding(self, term: str) -> int:
        """How many documents hold a term of the vocabulary."""
        starts, place = self.bm25.scores["indptr"], self.vocabulary[term]
        return int(starts[place + 1] - starts[place])

    def rows(self, wanted: Sequence[int]) -> list[list[int]]:
        """The term ids of some documents."""
        flat, starts = (np.load(self.path / name, mmap_mode="r") for name in (_TERMS, _STARTS))
        return [flat[starts[row] : starts[row + 1]].tolist() for row in wanted]

    def ids(self) -> list[str]:
        """The ids of all documents, by row."""
        found: list[str] = json.loads((self.path / _IDS).read_text(encoding="utf-8"))
        return found


def read(path: Path) -> Stored:
    """Open the index in a folder, its arrays mapped.

    Raises:
        ConfigError: There is none, or it does not parse.
    """
    import bm25s

    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        if manifest["format"] != _FORMAT:
            raise ValueError(f"format {manifest['format']}, not {_FORMAT}")
        bm25 = bm25s.BM25.load(path, mmap=True)
        vocabulary = {term: place for term, place in bm25.vocab_dict.items() if term}
        return Stored(
            path=path,
            bm25=bm25,
            vocabulary=vocabulary,
            analysis=Analysis(**manifest["analysis"]),
            average_length=manifest["average_length"],
            keys=np.load(path / _KEYS, mmap_mode="r"),
            by_key=np.load(path / _BY_KEY, mmap_mode="r"),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"The folder {str(path)!r} holds no BM25 index that can be read: {error}.",
            hint="Build one with swaprank.BM25Index.build(texts, path).",
        ) from error


def write(
    path: Path,
    analysis: Analysis,
    vocabulary: Mapping[str, int],
    ids: Sequence[str],
    keys: NDArray[np.uint64],
    rows: Sequence[Sequence[int]],
) -> None:
    """Write an index beside its folder and put it in its place, so that a reader sees the old one or the new one.

    Args:
        path: The folder.
        analysis: How texts became terms.
        vocabulary: Term to id, as in `rows`; terms that no document holds are dropped.
        ids: By row.
        keys: Hash of each text, by row.
        rows: Term ids of each document.
    """
    import bm25s

    starts = np.cumsum([0, *(len(row) for row in rows)], dtype=np.int64)
    used, flat = np.unique(np.concatenate([np.asarray(row, dtype=np.int32) for row in rows]), return_inverse=True)
    names = sorted(vocabulary, key=vocabulary.__getitem__)
    flat = flat.astype(np.int32)
    bm25 = bm25s.BM25(method=analysis.variant, k1=analysis.k1, b=analysis.b, delta=analysis.delta)
    listed = flat.tolist()
    documents = [listed[starts[row] : starts[row + 1]] for row in range(len(rows))]
    bm25.index((documents, {names[old]: new for new, old in enumerate(used.tolist())}), show_progress=False)
    manifest = {"format": _FORMAT, "analysis": asdict(analysis), "average_length": float(starts[-1]) / len(rows)}

    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as beside:
        new, old = Path(beside) / "new", Path(beside) / "old"
        bm25.save(new)
        arrays: dict[str, Any] = {_TERMS: flat, _STARTS: starts, _KEYS: keys, _BY_KEY: np.argsort(keys, kind="stable")}
        for name, array in arrays.items():
            np.save(new / name, array)
        (new / _IDS).write_text(json.dumps(ids, ensure_ascii=False), encoding="utf-8")
        (new / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
        if path.exists():
            _refuse_foreign(path)
            path.rename(old)
        shutil.move(new, path)


def _refuse_foreign(path: Path) -> None:
    if any(path.iterdir()) and not (path / MANIFEST).exists():
        raise ConfigError(
            f"The folder {str(path)!r} holds something else than an index.", hint="Give a folder of its own."
        )
