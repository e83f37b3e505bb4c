"""The files of one version of a BM25 index: those of bm25s, and beside them what bm25s does not keep.

These are how texts became terms, the ids, and the terms of each document, so that an update analyses only what changed.
Nobody changes the files of a version once they are written, so that a reader may map them.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..requests import Analysis
from .analysis import resolve_language
from .checks import check_offsets, damaged, map_array, parsed_json, read_json
from .formula import ABSENT_COUNTS, VARIANTS
from .postings import Postings, index_terms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

MANIFEST = "swaprank.json"
_IDS, _TERMS, _STARTS, _KEYS, _BY_KEY = "ids.json", "terms.npy", "starts.npy", "keys.npy", "by_key.npy"
_SCORES, _ROWS, _COLUMNS = "data.csc.index.npy", "indices.csc.index.npy", "indptr.csc.index.npy"
_ABSENT, _VOCABULARY, _PARAMETERS = "nonoccurrence_array.index.npy", "vocab.index.json", "params.index.json"
FILES = frozenset(
    (MANIFEST, _IDS, _TERMS, _STARTS, _KEYS, _BY_KEY, _SCORES, _ROWS, _COLUMNS, _ABSENT, _VOCABULARY, _PARAMETERS)
)
# The layout of a version, which was the whole index before there were versions.
_FORMAT = 1


@dataclass(frozen=True)
class StoredIndex:
    """One version of an index, all of it open.

    Attributes:
        path: Its folder, for messages; nothing is read from it any more.
        analysis: How texts became terms.
        vocabulary: Term to id, 0 to terms - 1.
        average_length: Terms per document.
        postings: What each term adds to the scores of the documents.
        keys: Hash of each document's text [documents].
        by_key: The documents in the order of their keys [documents].
        starts: Where the terms of each document begin [documents + 1].
        terms: The term ids of all documents, one document after the other [starts[-1]].
        encoded_ids: The ids as a JSON list in UTF-8 [bytes].
    """

    path: Path
    analysis: Analysis
    vocabulary: dict[str, int]
    average_length: float
    postings: Postings
    keys: Array
    by_key: Array
    starts: Array
    terms: Array
    encoded_ids: Array

    def __len__(self) -> int:
        """How many documents it holds."""
        return len(self.keys)

    def all_scores(self, query: Iterable[str]) -> NDArray[np.float32] | None:
        """The score of every document [documents]; None when the vocabulary has no term of the query.

        Raises:
            ConfigError: The files are damaged.
        """
        counts = Counter(self.vocabulary[term] for term in query if term in self.vocabulary)
        if not counts:
            return None
        try:
            return self.postings.all_scores(counts)
        except IndexError as error:
            raise damaged(self.path / _ROWS, str(error)) from error

    def find(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The row of each key, -1 for those that are not there.

        Raises:
            ConfigError: The files are damaged.
        """
        try:
            places = np.searchsorted(self.keys, keys, sorter=self.by_key)
            rows = np.asarray(self.by_key)[np.minimum(places, len(self.by_key) - 1)]
            return np.where(self.keys[rows] == keys, rows, -1)
        except (IndexError, ValueError) as error:
            raise damaged(self.path / _BY_KEY, str(error)) from error

    def terms_of(self, rows: Sequence[int]) -> list[list[int]]:
        """The term ids of some documents, each in the order of its text.

        Raises:
            ConfigError: The files are damaged.
        """
        found = [self.terms[self.starts[row] : self.starts[row + 1]].tolist() for row in rows]
        if any(not 0 <= term < len(self.vocabulary) for document in found for term in document):
            raise damaged(self.path / _TERMS, "it names a term that the vocabulary does not have")
        return found

    def ids(self) -> list[str]:
        """The ids of all documents, by row.

        Raises:
            ConfigError: The files are damaged.
        """
        path = self.path / _IDS
        found = parsed_json(path, self.encoded_ids.tobytes())
        if not isinstance(found, list) or len(found) != len(self) or not all(isinstance(id_, str) for id_ in found):
            raise damaged(path, f"it is not a list of {len(self)} ids")
        return found


def read_version(path: Path) -> StoredIndex:
    """Open a version, its arrays mapped.

    Raises:
        ConfigError: A file is missing or damaged; the message names it.
    """
    manifest = read_json(path / MANIFEST)
    if not isinstance(manifest, dict) or manifest.get("format") != _FORMAT:
        raise damaged(path / MANIFEST, f"it does not describe a version of format {_FORMAT}")
    analysis = _analysis(path / MANIFEST, manifest.get("analysis"))
    average_length = manifest.get("average_length")
    if type(average_length) is not float or not 0 < average_length < math.inf:
        raise damaged(path / MANIFEST, f"average_length is {average_length!r}")

    columns = map_array(path / _COLUMNS, np.int64)
    scores = map_array(path / _SCORES, np.float32)
    vocabulary = _vocabulary(path / _VOCABULARY, len(columns) - 1)
    keys = map_array(path / _KEYS, np.uint64)
    terms = map_array(path / _TERMS, np.int32)
    try:
        encoded_ids = np.memmap(path / _IDS, mode="r", dtype=np.uint8)
    except (OSError, ValueError) as error:
        raise damaged(path / _IDS, str(error)) from error
    absent_counts = analysis.variant in ABSENT_COUNTS
    return StoredIndex(
        path=path,
        analysis=analysis,
        vocabulary=vocabulary,
        average_length=average_length,
        postings=Postings(
            documents=len(keys),
            columns=check_offsets(path / _COLUMNS, columns, len(scores)),
            rows=map_array(path / _ROWS, np.int32, len(scores)),
            scores=scores,
            absent=map_array(path / _ABSENT, np.float32, len(columns) - 1) if absent_counts else None,
        ),
        keys=keys,
        by_key=map_array(path / _BY_KEY, np.int64, len(keys)),
        starts=check_offsets(path / _STARTS, map_array(path / _STARTS, np.int64, len(keys) + 1), len(terms)),
        terms=terms,
        encoded_ids=encoded_ids,
    )


def write_version(
    path: Path,
    analysis: Analysis,
    vocabulary: Mapping[str, int],
    ids: Sequence[str],
    keys: NDArray[np.uint64],
    documents: Sequence[Sequence[int]],
) -> None:
    """Write a version into a folder that does not exist yet.

    Args:
        path: The folder.
        analysis: How texts became terms.
        vocabulary: Term to id, as in `documents`; terms that no document holds are dropped.
        ids: By row.
        keys: Hash of each text, by row.
        documents: Term ids of each document, by row; at least one holds a term.
    """
    import bm25s

    starts = np.cumsum([0, *(len(document) for document in documents)], dtype=np.int64)
    used, flat = np.unique(
        np.concatenate([np.asarray(document, dtype=np.int32) for document in documents]), return_inverse=True
    )
    names = sorted(vocabulary, key=vocabulary.__getitem__)
    flat = flat.astype(np.int32)
    postings = index_terms(analysis, np.split(flat, starts[1:-1]))
    parameters = {
        **{name: getattr(analysis, name) for name in ("k1", "b", "delta")},
        **{"method": analysis.variant, "idf_method": analysis.variant, "num_docs": len(documents)},
        **{"dtype": "float32", "int_dtype": "int32", "backend": "numpy", "version": bm25s.__version__},
    }
    average_length = float(starts[-1]) / len(documents)
    contents = {
        _VOCABULARY: {names[old]: new for new, old in enumerate(used.tolist())},
        _PARAMETERS: parameters,
        _IDS: ids,
        MANIFEST: {"format": _FORMAT, "analysis": asdict(analysis), "average_length": average_length},
    }
    arrays = {
        _COLUMNS: postings.columns,
        _ROWS: postings.rows,
        _SCORES: postings.scores,
        _TERMS: flat,
        _STARTS: starts,
        _KEYS: keys,
        _BY_KEY: np.argsort(keys, kind="stable").astype(np.int64),
    }
    if postings.absent is not None:
        arrays[_ABSENT] = postings.absent

    path.mkdir()
    for name, content in contents.items():
        (path / name).write_text(json.dumps(content), encoding="utf-8")
    for name, array in arrays.items():
        np.save(path / name, array)


def _analysis(path: Path, fields: Any) -> Analysis:
    defaults = asdict(Analysis())
    if not isinstance(fields, dict) or fields.keys() - defaults.keys():
        raise damaged(path, "it does not say how texts become terms")
    for name, value in fields.items():
        number = isinstance(defaults[name], float) and type(value) in (int, float) and math.isfinite(value)
        if type(value) is not type(defaults[name]) and not number:
            raise damaged(path, f"{name} is {value!r}")
    analysis = Analysis(**fields)
    if analysis.variant not in VARIANTS:
        raise damaged(path, f"variant is {analysis.variant!r}")
    resolve_language(analysis, "")
    return analysis


def _vocabulary(path: Path, size: int) -> dict[str, int]:
    """Term to id, without the empty term that bm25s adds for documents without terms."""
    found = read_json(path)
    if not isinstance(found, dict):
        raise damaged(path, "it is not a JSON object")
    found.pop("", None)
    if not all(type(place) is int and 0 <= place < size for place in found.values()):
        raise damaged(path, "it holds something else than term ids")
    return found
