"""BM25Index: BM25 over a collection, built once, kept in a folder, read memory-mapped.

The folder is an index of bm25s (MIT, https://github.com/xhluca/bm25s), which `bm25s.BM25.load` reads as well, and
beside it what bm25s does not keep: how texts become terms, ids, and the terms of each document, so that an update
reads only what changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import cached_property, lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConfigError, InputError
from ..requests import Analysis
from ..types import Passage
from . import formula
from .analysis import resolve_language, stems, terms, words
from .files import MANIFEST, Stored, read, write

if TYPE_CHECKING:
    from os import PathLike

    from numpy.typing import NDArray

Documents = Iterable[str | Passage]


class BM25Index:
    """BM25 over a collection in a folder. `build` makes one, `load` opens one; nothing but `update` and `sync` writes.

    A config uses it by its path: ``{method: bm25, collection: <folder>}``.
    """

    def __init__(self, path: Path, stored: Stored) -> None:
        self.path = path
        self._stored = stored

    @classmethod
    def build(
        cls, documents: Documents, path: str | PathLike[str], *, analysis: Analysis | None = None, **options: Any
    ) -> BM25Index:
        """Index documents into a folder, replacing an index that is there.

        Args:
            documents: Texts or passages. A document without an id is known by its text.
            path: The folder.
            analysis: How texts become terms, and terms scores.
            options: Fields of `Analysis`, instead: ``language="de"``, ``k1=0.9``...

        Raises:
            ConfigError: An unknown option or language.
            InputError: There is nothing to index.
        """
        wanted = _analysis(analysis, options)
        encoder = _Encoder(wanted, {})
        rows = dict(_named(documents))
        encoded = [encoder.ids(passage.content) for passage in rows.values()]
        keys = _keys(passage.content for passage in rows.values())
        return cls._written(Path(path), wanted, encoder, list(rows), keys, encoded)

    @classmethod
    def ensure(
        cls, documents: Documents, path: str | PathLike[str], *, analysis: Analysis | None = None, **options: Any
    ) -> BM25Index:
        """An index of exactly these documents: `sync` where the folder has one of the same analysis, else `build`."""
        wanted = _analysis(analysis, options)
        if (Path(path) / MANIFEST).exists():
            index = cls.load(path)
            if index.analysis == wanted:
                return index.sync(documents)
        return cls.build(documents, path, analysis=wanted)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> BM25Index:
        """Open an index; arrays are mapped, not read.

        Raises:
            ConfigError: There is no index in that folder.
        """
        return cls(Path(path), read(Path(path)))

    def update(self, documents: Documents = (), *, remove: Collection[str] = ()) -> BM25Index:
        """Add documents, replace those whose text changed, and drop some; only new texts are read.

        Args:
            documents: New and changed documents. One that is there already with the same text costs nothing.
            remove: Ids to drop.

        Returns:
            The index as it is now; this object stays as it was opened.
        """
        given = dict(_named(documents))
        keys = dict(zip(given, _keys(passage.content for passage in given.values()).tolist(), strict=True))
        old = dict(zip(self.ids, self._stored.keys.tolist(), strict=True))
        new = {id_: passage for id_, passage in given.items() if old.get(id_) != keys[id_]}
        kept = [row for row, id_ in enumerate(self.ids) if id_ not in new and id_ not in remove]
        if not new and len(kept) == len(self):
            return self
        encoder = _Encoder(self.analysis, self._stored.vocabulary)
        encoded = [*self._stored.rows(kept), *(encoder.ids(passage.content) for passage in new.values())]
        ids = [*(self.ids[row] for row in kept), *new]
        row_keys = np.array([*(old[self.ids[row]] for row in kept), *(keys[id_] for id_ in new)], dtype=np.uint64)
        return self._written(self.path, self.analysis, encoder, ids, row_keys, encoded)

    def sync(self, documents: Documents) -> BM25Index:
        """Make the index hold exactly these documents; as `update`, dropping all others."""
        given = dict(_named(documents))
        passages = [Passage(passage.content, id=id_) for id_, passage in given.items()]
        return self.update(passages, remove=set(self.ids) - given.keys())

    def search(self, query: str, k: int = 10) -> list[tuple[str, float]]:
        """The ids and scores of the best documents, best first; documents without a query term are left out."""
        scores = self._all(query)
        if scores is None:
            return []
        found = np.argpartition(-scores, min(k, len(scores) - 1))[:k] if k < len(scores) else np.arange(len(scores))
        best = found[np.lexsort((found, -scores[found]))]
        return [(self.ids[row], float(scores[row])) for row in best if scores[row] > 0]

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """BM25 of each text with the statistics of the collection, whether it is part of it or not."""
        everywhere = self._all(query)
        if everywhere is None:
            return [0.0] * len(texts)
        rows = self._stored.find(_keys(texts))
        return [
            self._outside(query, text) if row < 0 else float(everywhere[row])
            for row, text in zip(rows.tolist(), texts, strict=True)
        ]

    @property
    def analysis(self) -> Analysis:
        """How its texts became terms."""
        return self._stored.analysis

    @cached_property
    def ids(self) -> list[str]:
        """The ids of its documents, in the order of its rows."""
        return self._stored.ids()

    def __len__(self) -> int:
        """How many documents it holds."""
        return len(self._stored.keys)

    def _all(self, query: str) -> NDArray[np.float32] | None:
        """The score of every document; None when the collection knows no term of the query."""
        known = [term for term in terms(query, self.analysis) if term in self._stored.vocabulary]
        if not known:
            return None
        scores: NDArray[np.float32] = self._stored.bm25.get_scores(known)
        return scores

    def _outside(self, query: str, text: str) -> float:
        """The score of a text that is not part of the collection."""
        found = terms(text, self.analysis)
        if not found:
            return 0.0
        counts = self._stored
        return sum(
            formula.weight(
                self.analysis,
                frequency=found.count(term),
                relative_length=len(found) / counts.average_length,
                holding=counts.holding(term),
                documents=len(self),
            )
            for term in terms(query, self.analysis)
            if term in counts.vocabulary
        )

    @classmethod
    def _written(
        cls,
        path: Path,
        analysis: Analysis,
        encoder: _Encoder,
        ids: Sequence[str],
        keys: NDArray[np.uint64],
        rows: Sequence[Sequence[int]],
    ) -> BM25Index:
        if not any(rows):
            raise InputError("There is no term in the documents to index.", hint="Give at least one text with words.")
        write(path, analysis, encoder.vocabulary, ids, keys, rows)
        return cls.load(path)


def opened(path: str) -> BM25Index:
    """As `BM25Index.load`, keeping the last ones open; an index that was written anew is opened anew."""
    try:
        written = (Path(path) / MANIFEST).stat().st_mtime_ns
    except OSError as error:
        raise ConfigError(
            f"The folder {path!r} holds no BM25 index.", hint="Build one with swaprank.BM25Index.build(texts, path)."
        ) from error
    return _opened(path, written)


@lru_cache(maxsize=4)
def _opened(path: str, written: int) -> BM25Index:
    return BM25Index.load(path)


class _Encoder:
    """From texts to term ids; every word is stemmed once."""

    def __init__(self, analysis: Analysis, vocabulary: dict[str, int]) -> None:
        self.vocabulary = dict(vocabulary)
        self._analysis = analysis
        self._known: dict[tuple[str, str], int] = {}

    def ids(self, text: str) -> list[int]:
        language = resolve_language(self._analysis, text)
        return [self._id(word, language) for word in words(text, self._analysis, language)]

    def _id(self, word: str, language: str) -> int:
        found = self._known.get((word, language))
        if found is None:
            [stem] = stems([word], self._analysis, language)
            found = self._known[word, language] = self.vocabulary.setdefault(stem, len(self.vocabulary))
        return found


def _analysis(analysis: Analysis | None, options: dict[str, Any]) -> Analysis:
    unknown = options.keys() - asdict(Analysis()).keys()
    if unknown or (analysis is not None and options):
        raise ConfigError(
            f"An index is built with an analysis or its fields, not with {', '.join(sorted(unknown or options))}.",
            hint=f"Fields: {', '.join(asdict(Analysis()))}.",
        )
    wanted = analysis or Analysis(**{**({"delta": 1.0} if options.get("variant") == "bm25+" else {}), **options})
    resolve_language(wanted, "")
    return wanted


def _named(documents: Documents) -> Iterator[tuple[str, Passage]]:
    for document in documents:
        passage = Passage(document) if isinstance(document, str) else document
        yield passage.id if passage.id is not None else f"{_key(passage.content):016x}", passage


def _keys(texts: Iterable[str]) -> NDArray[np.uint64]:
    return np.array([_key(text) for text in texts], dtype=np.uint64)


def _key(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")
