"""BM25Index: BM25 over a collection, built once, kept in a folder, read memory-mapped.

Each version of the index is an index of bm25s (MIT, https://github.com/xhluca/bm25s), which `bm25s.BM25.load` reads
as well; `files.py` says what lies beside it, and `versions.py` how one version takes the place of another.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConfigError, InputError
from ..masking import shown
from ..requests import Analysis
from ..types import Passage, readable
from . import formula, versions
from .analysis import resolve_language, terms
from .documents import Documents, documents_by_id, text_keys
from .encoder import Encoder
from .files import StoredIndex, read_version, write_version

if TYPE_CHECKING:
    from os import PathLike

    from numpy.typing import NDArray


class BM25Index:
    """BM25 over a collection in a folder. `build` makes an index, `load` opens one.

    An object is the version of the index that it opened, and stays so, whatever others write; `is_stale` says whether
    there is a newer one. `update` and `sync` always change the newest version, so that several processes may write: one
    does at a time, and the others wait for it. Many may read meanwhile, and always see a whole version. Objects can be
    pickled (with all their data) and used in several threads and after a fork.

    A config uses an index by its path: ``{method: bm25, collection: <folder>}``, and then the newest version at each
    call.

    Attributes:
        path: The folder of the index.
    """

    def __init__(self, path: Path, stored: StoredIndex) -> None:
        self.path = path
        self._stored = stored

    @classmethod
    def build(
        cls, documents: Documents, path: str | PathLike[str], *, analysis: Analysis | None = None, **options: Any
    ) -> BM25Index:
        """Index documents into a folder, replacing an index that is there.

        Args:
            documents: Texts or passages. A document without an id is known by its text; of several with the same id
                the last counts.
            path: The folder: empty, new, or that of an index.
            analysis: How texts become terms, and terms scores.
            options: Fields of `Analysis`, instead: ``language="de"``, ``k1=0.9``...

        Raises:
            ConfigError: An unknown option or language, or a folder that cannot be written.
            InputError: There is nothing to index, or something else than texts and passages.
        """
        wanted = _analysis(analysis, options)
        encoder = Encoder(wanted, {})
        passages = documents_by_id(documents)
        encoded = [encoder.ids(passage.content) for passage in passages.values()]
        keys = text_keys(passage.content for passage in passages.values())
        index = _folder(path)
        with versions.locked(index):
            return cls._write(index, wanted, encoder, list(passages), keys, encoded)

    @classmethod
    def ensure(
        cls, documents: Documents, path: str | PathLike[str], *, analysis: Analysis | None = None, **options: Any
    ) -> BM25Index:
        """An index of exactly these documents: `sync` where the folder has one of the same analysis, else `build`.

        Raises:
            ConfigError: As `build`; or the index that is there is damaged.
            InputError: As `build`.
        """
        wanted = _analysis(analysis, options)
        if versions.exists(_folder(path)):
            index = cls.load(path)
            if index.analysis == wanted:
                return index.sync(documents)
        return cls.build(documents, path, analysis=wanted)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> BM25Index:
        """Open the newest version of an index; arrays are mapped, not read.

        Raises:
            ConfigError: There is no index in that folder, or a file of it is damaged.
        """
        index = _folder(path)
        return cls(index, versions.open_current(index, read_version))

    def update(self, documents: Documents = (), *, remove: Collection[str] = ()) -> BM25Index:
        """Add documents, replace those whose text changed, and drop some; only new texts are analysed.

        The newest version is changed, also where this object is stale: what other writers did is kept.

        Args:
            documents: New and changed documents. One that is there already with the same text costs nothing.
            remove: Ids to drop; those that are not there are not an error.

        Returns:
            The index as it is now; this object stays as it was opened. Without a change it is this object.

        Raises:
            ConfigError: The index was built anew with another analysis, is damaged, or cannot be written.
            InputError: Nothing would be left, or there is something else than texts and passages.
        """
        if isinstance(remove, str):
            raise InputError(f"remove is the text {remove!r}, not a collection of ids.", hint=f"Say [{remove!r}].")
        dropped = frozenset(remove)
        return self._change(documents_by_id(documents), lambda id_: id_ in dropped)

    def sync(self, documents: Documents) -> BM25Index:
        """Make the index hold exactly these documents; as `update`, dropping all others.

        Raises:
            ConfigError: As `update`.
            InputError: As `update`.
        """
        given = documents_by_id(documents)
        return self._change(given, lambda id_: id_ not in given)

    def search(self, query: str, k: int = 10) -> list[tuple[str, float]]:
        """The ids and scores of the best documents, best first; documents without a query term are left out.

        Args:
            query: The query.
            k: Most documents to return, at least 1.

        Raises:
            InputError: `k` is less than 1.
            ConfigError: The files of the index are damaged.
        """
        if k < 1:
            raise InputError(f"k is {k!r}, and at least 1 document must be asked for.")
        scores = self._all_scores(query)
        if scores is None:
            return []
        found = np.argpartition(-scores, k)[:k] if k < len(scores) else np.arange(len(scores))
        best = found[np.lexsort((found, -scores[found]))]
        return [(self.ids[row], float(scores[row])) for row in best if scores[row] > 0]

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """BM25 of each text with the statistics of the collection, whether it is part of it or not.

        Raises:
            ConfigError: The files of the index are damaged.
        """
        everywhere = self._all_scores(query)
        if everywhere is None:
            return [0.0] * len(texts)
        rows = self._stored.find(text_keys(texts))
        return [
            self._score_outside(query, text) if row < 0 else float(everywhere[row])
            for row, text in zip(rows.tolist(), texts, strict=True)
        ]

    def holds(self, texts: Sequence[str]) -> list[bool]:
        """Which of some texts are part of the collection, to the letter.

        Raises:
            ConfigError: The files of the index are damaged.
        """
        return [row >= 0 for row in self._stored.find(text_keys(texts)).tolist()]

    @property
    def analysis(self) -> Analysis:
        """How its texts became terms."""
        return self._stored.analysis

    @cached_property
    def ids(self) -> list[str]:
        """The ids of its documents, in the order of its rows."""
        return self._stored.ids()

    @property
    def version_path(self) -> Path:
        """The folder of the open version, which `bm25s.BM25.load` reads; a writer removes it with its version."""
        return self._stored.path

    @property
    def is_stale(self) -> bool:
        """Whether the folder no longer holds the version that this object has open."""
        try:
            return versions.current(self.path) != self._stored.path
        except ConfigError:
            return True

    def __len__(self) -> int:
        """How many documents it holds."""
        return len(self._stored)

    def _all_scores(self, query: str) -> NDArray[np.float32] | None:
        """The score of every document; None when the collection knows no term of the query."""
        return self._stored.all_scores(terms(readable(query), self.analysis))

    def _score_outside(self, query: str, text: str) -> float:
        """The score of a text that is not part of the collection."""
        found = Counter(terms(readable(text), self.analysis))
        if not found:
            return 0.0
        asked = [term for term in terms(readable(query), self.analysis) if term in self._stored.vocabulary]
        postings, vocabulary = self._stored.postings, self._stored.vocabulary
        weights = formula.weight(
            self.analysis,
            frequency=np.array([found[term] for term in asked]),
            relative_length=found.total() / self._stored.average_length,
            document_frequency=np.array([postings.document_frequency(vocabulary[term]) for term in asked]),
            documents=len(self),
        )
        return float(weights.sum())

    def _change(self, given: Mapping[str, Passage], dropped: Callable[[str], bool]) -> BM25Index:
        """Write the newest version anew: with the given documents, and without those that are dropped."""
        keys = dict(zip(given, text_keys(passage.content for passage in given.values()).tolist(), strict=True))
        with versions.locked(self.path):
            newest = BM25Index.load(self.path) if self.is_stale else self
            if newest.analysis != self.analysis:
                raise ConfigError(
                    f"The index {str(self.path)!r} was built anew with another analysis since it was opened.",
                    hint="Open it again with swaprank.BM25Index.load(path).",
                )
            old = dict(zip(newest.ids, newest._stored.keys.tolist(), strict=True))
            new = {id_: passage for id_, passage in given.items() if old.get(id_) != keys[id_]}
            kept = [row for row, id_ in enumerate(newest.ids) if id_ not in new and not dropped(id_)]
            if not new and len(kept) == len(newest):
                return newest
            encoder = Encoder(newest.analysis, newest._stored.vocabulary)
            encoded = [*newest._stored.terms_of(kept), *(encoder.ids(passage.content) for passage in new.values())]
            ids = [*(newest.ids[row] for row in kept), *new]
            row_keys = np.array([*(old[newest.ids[row]] for row in kept), *(keys[id_] for id_ in new)], dtype=np.uint64)
            return self._write(self.path, newest.analysis, encoder, ids, row_keys, encoded)

    @classmethod
    def _write(
        cls,
        path: Path,
        analysis: Analysis,
        encoder: Encoder,
        ids: Sequence[str],
        keys: NDArray[np.uint64],
        documents: Sequence[Sequence[int]],
    ) -> BM25Index:
        if not any(documents):
            raise InputError("There is no term in the documents to index.", hint="Give at least one text with words.")
        versions.replace_current(
            path, lambda version: write_version(version, analysis, encoder.vocabulary, ids, keys, documents)
        )
        return cls.load(path)


def newest_index(path: str) -> BM25Index:
    """As `BM25Index.load`, keeping the last ones open for as long as no other version takes their place."""
    index = _folder(path)
    return _cached_index(index, versions.current(index))


@lru_cache(maxsize=4)
def _cached_index(index: Path, version: Path) -> BM25Index:
    return BM25Index.load(index)


def _folder(path: str | PathLike[str]) -> Path:
    try:
        folder = Path(path).absolute()
        if b"\0" not in os.fsencode(folder):
            return folder
    except (TypeError, ValueError):
        pass
    raise ConfigError(f"The path of the index is {shown(path)}.", hint="Give the path of a folder.")


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
