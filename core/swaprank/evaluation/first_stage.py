"""Candidates for data that has none: BM25 over the collection, or the nearest by an embedding model."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ..bm25.index import BM25Index
from ..config.build import Builder
from ..config.load import Source, load
from ..errors import ConfigError, InputError
from ..flow.drivers import drive
from ..flow.flow import Flow, ask
from ..method import responses_of
from ..requests import Embedded, Request
from ..runs.evaluation import Dataset
from ..stages.method_ranker import MethodRanker
from ..types import Passage, Query
from .sources.collection import Collection

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]

# Anserini's, with which BM25 baselines of BEIR and TREC are published.
BM25_OPTIONS: Final[Mapping[str, Any]] = {"k1": 0.9, "b": 0.4}
BM25: Final = "bm25"
_CHUNK = 256


Progress = Callable[[int, int], None]
"""Told how many passages are embedded, of how many."""


def from_run(collection: Collection, run: Mapping[str, Sequence[tuple[str, float]]], depth: int, name: str) -> Dataset:
    """The candidates that a run has found.

    Raises:
        InputError: No judged query of the run has a text and a candidate with one.
    """
    passages = collection.passages
    return _dataset(
        collection,
        {
            query: [replace(passages[id_], score=score) for id_, score in found if id_ in passages][:depth]
            for query, found in run.items()
        },
        name,
    )


def searched(
    collection: Collection,
    how: Source = BM25,
    *,
    depth: int = 100,
    language: str = "auto",
    progress: Progress = lambda done, total: None,
) -> Dataset:
    """The best passages for each judged query.

    Args:
        collection: What is searched. Where it has pools, each is ranked whole.
        how: ``"bm25"`` (Lucene's variant, k1 0.9 and b 0.4), or a recipe, config or model that embeds.
        depth: Candidates per query.
        language: For BM25, as its option `language`.
        progress: Told how many passages are embedded.

    Raises:
        ConfigError: The reranker embeds nothing.
        InputError: There is nothing to rank.
    """
    judged = {query: text for query, text in collection.queries.items() if query in collection.qrels}
    if not judged or not collection.passages:
        raise InputError(
            f"{collection.source!r} has {len(judged)} judged queries with a text, and {len(collection.passages)} "
            "passages: there is nothing to rank.",
            hint="Do all files use the same ids?",
        )
    # In an order that means nothing, so that ties do not tell how the file was made.
    passages = dict(sorted(collection.passages.items(), key=lambda one: blake2b(one[0].encode()).digest()))
    of = f" of {'its candidates' if collection.pools else 'the collection'}, built here"
    if how == BM25:
        with tempfile.TemporaryDirectory() as folder:
            index = BM25Index.build(passages.values(), folder, language=language, **BM25_OPTIONS)
            found = {
                query: _by_bm25(index, text, passages, collection.pools.get(query), depth)
                for query, text in judged.items()
            }
        return _dataset(collection, found, f"BM25{of}")
    search = _Embeddings(how, passages, progress)
    found = {query: search.ranked(text, collection.pools.get(query), depth) for query, text in judged.items()}
    return _dataset(collection, found, f"{search.name}{of}")


def _by_bm25(
    index: BM25Index, query: str, passages: Mapping[str, Passage], pool: Sequence[str] | None, depth: int
) -> list[Passage]:
    if pool is None:
        return [replace(passages[id_], score=score) for id_, score in index.search(query, depth)]
    members = _in_order(pool, passages)
    scores = index.scores(query, [passages[id_].content for id_ in members])
    best = sorted(zip(members, scores, strict=True), key=lambda one: -one[1])[:depth]
    return [replace(passages[id_], score=score) for id_, score in best]


def _in_order(pool: Iterable[str], passages: Mapping[str, Passage]) -> list[str]:
    """The members of a pool in the order of the passages, which means nothing."""
    members = set(pool)
    return [id_ for id_ in passages if id_ in members]


class _Embeddings:
    """The embeddings of a collection, computed once.

    Args:
        how: A config whose method compares embeddings.
        passages: The collection.
        progress: Told of every chunk.
    """

    def __init__(self, how: Source, passages: Mapping[str, Passage], progress: Progress) -> None:
        stage = Builder(None).stage(load(how))
        ranker = stage.ranker
        if not isinstance(ranker, MethodRanker) or not ranker.method.passage_embeddings([Passage("a")]):
            raise ConfigError(
                f"The first stage {stage.name!r} embeds no passages.",
                hint="Give bm25, or a bi-encoder's recipe or model.",
            )
        self.name = stage.name
        self._ranker = ranker
        self._passages = passages
        self._ids = list(passages)
        self._cosine = getattr(ranker.method, "similarity", "cosine") == "cosine"
        parts = []
        for start in range(0, len(self._ids), _CHUNK):
            chunk = [passages[id_] for id_ in self._ids[start : start + _CHUNK]]
            parts.append(self._vectors(ranker.method.passage_embeddings(chunk)))
            progress(start + len(chunk), len(self._ids))
        self._matrix = np.concatenate(parts)

    def ranked(self, query: str, pool: Sequence[str] | None, depth: int) -> list[Passage]:
        """The nearest passages, best first."""
        asked = self._ranker.method.steps(Query(query), ())
        vector = self._vectors(list(next(asked)))[0]
        scores = self._matrix @ vector
        rows = np.arange(len(scores)) if pool is None else np.flatnonzero(np.isin(self._ids, list(pool)))
        best = rows[np.lexsort((rows, -scores[rows]))][:depth]
        return [replace(self._passages[self._ids[row]], score=float(scores[row])) for row in best]

    def _vectors(self, requests: Sequence[Request]) -> Matrix:
        """One vector per request [requests, dimensions], of length 1 where cosines are compared."""
        answered = drive([self._asked(requests)])[0]
        matrix: Matrix = np.array([one.vector for one in answered], dtype=np.float32)
        if not self._cosine:
            return matrix
        norms = np.linalg.norm(matrix, axis=1, keepdims=True)
        unit: Matrix = np.divide(matrix, norms, out=np.zeros_like(matrix), where=norms > 0)
        return unit

    def _asked(self, requests: Sequence[Request]) -> Flow[list[Embedded]]:
        return responses_of(Embedded, (yield from ask(self._ranker.backend, requests)).responses)


def _dataset(collection: Collection, found: Mapping[str, list[Passage]], name: str) -> Dataset:
    judged = {query: text for query, text in collection.queries.items() if query in collection.qrels}
    candidates = {query: passages for query, passages in found.items() if query in judged}
    if not any(candidates.values()):
        raise InputError(
            f"There is nothing to rerank in {collection.source!r}: of {len(found)} queries with candidates, "
            f"{len(candidates)} have a text and judgements, and none of these has a candidate with a text.",
            hint="Do all files use the same ids?",
        )
    return Dataset(
        name=collection.name,
        queries=judged,
        candidates=candidates,
        qrels=collection.qrels,
        source=collection.source,
        split=collection.split,
        first_stage_name=name,
    )
