"""BM25 of words, of adjacent word pairs and of character 4-grams, for candidates without their collection.

In a candidate list nearly every passage holds the query's terms, so document frequencies of the list say
little. The rarity of a word is therefore also read off the ranks of its pieces in a subword vocabulary,
whose ids are ordered by frequency: by Zipf's law -ln p grows as ln(rank), and a word of several pieces is
about as rare as their product.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import chain, pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...bm25.analysis import detect_language, stems, words
from ...requests import Analysis, LexicalBlend, LexicalScores
from .evidence import shares
from .explained import explained
from .occurrences import occurrences
from .pieces import batches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .static import StaticEmbeddings

    Array = NDArray[np.float64]
    Numbers = NDArray[np.int64]

_K1, _B = 0.9, 0.4  # Lucene's and Pyserini's values
_GRAM = 4
# Log-rank sums: below the first a word is as common as a stop word, above the second as rare as it gets.
_COMMON, _RARE = 5.0, 14.0
_LEAST = 0.5


def blended_scores(request: LexicalBlend, vocabulary: StaticEmbeddings | None) -> LexicalScores:
    """The z-score of words plus the weighted z-scores of pairs and 4-grams, without `LexicalScores.usage`.

    Args:
        request: The query and its candidates.
        vocabulary: Tells how rare a word is in the language at large; None counts all as equally rare.
    """
    if not request.passages:
        return LexicalScores((), evidence={"terms": (), "pairs": ()})
    analysis = Analysis(language=detect_language(request.query))
    query_words = words(request.query, analysis, analysis.language)
    query_stems = stems(query_words, analysis, analysis.language)
    wanted = _Terms(
        words=Counter(query_stems),
        pairs=Counter(pairwise(query_stems)),
        grams=Counter(gram for word in query_words for gram in _grams(word)),
    )
    counted = _counted(request.passages, wanted, analysis)
    rarity = _rarity(query_stems, query_words, vocabulary)
    matches = _matches(counted.words, counted.length)
    columns = (
        _bm25(
            counted.words,
            matches,
            [rarity[term] * count for term, count in wanted.words.items()],
            floor=1.0,
        ),
        request.pairs * _bm25(counted.pairs, _matches(counted.pairs, counted.length)),
        request.grams * _bm25(counted.grams, _matches(counted.grams, counted.letters), list(wanted.grams.values())),
    )
    evidence = {
        "terms": shares(counted.words, [rarity[term] for term in wanted.words]),
        "pairs": shares(counted.pairs, [1.0] * len(wanted.pairs)),
    }
    return LexicalScores(
        scores=tuple(float(score) for score in np.sum(columns, axis=0)),
        evidence=evidence,
        explained=explained(request.given, matches) if request.given else None,
    )


class _Terms(NamedTuple):
    """The terms of the query, and how often it holds each."""

    words: Counter[str]
    pairs: Counter[tuple[str, str]]
    grams: Counter[str]


class _Counts(NamedTuple):
    """How often passages hold the terms of the query, in the order of `_Terms` [terms, passages]; their lengths."""

    words: Array
    pairs: Array
    grams: Array
    length: Array
    letters: Array


def _counted(passages: Sequence[str], wanted: _Terms, analysis: Analysis) -> _Counts:
    """Count the query's terms in all passages, those of some characters at a time."""
    counter = _Counter(wanted, analysis)
    parts = [counter.count(batch) for batch in batches(passages)]
    return _Counts(
        *(np.ascontiguousarray(np.concatenate(each, axis=-1, dtype=np.float64)) for each in zip(*parts, strict=True))
    )


class _Counter:
    """Counts the query's terms in passages.

    A word is stemmed once, and remembered as the place of its stem among the query's; the other stems are one.
    """

    def __init__(self, wanted: _Terms, analysis: Analysis) -> None:
        self._wanted = wanted
        self._analysis = analysis
        self._stems = {stem: place for place, stem in enumerate(wanted.words)}
        # Pairs of places as one number each.
        self._size = len(self._stems) + 1
        pairs = [self._stems[left] * self._size + self._stems[right] for left, right in wanted.pairs]
        self._order = np.argsort(np.array(pairs, dtype=np.int64))
        self._pairs = np.array(pairs, dtype=np.int64)[self._order]
        self._places: dict[str, int] = {}

    def count(self, passages: Sequence[str]) -> tuple[Numbers, ...]:
        """The fields of `_Counts` for some passages."""
        found = [words(passage, self._analysis, self._analysis.language) for passage in passages]
        texts = [f" {' '.join(each)} " for each in found]
        length = np.array([len(each) for each in found])
        owners = np.repeat(np.arange(len(found)), length)
        places = self._places_of(found)
        singles = np.bincount(owners * self._size + places, minlength=len(found) * self._size)
        return (
            singles.reshape(len(found), self._size)[:, :-1].T,
            self._count_pairs(places, owners, len(found)).T,
            occurrences(texts, self._wanted.grams).T,
            length,
            np.array([len(text) for text in texts]),
        )

    def _places_of(self, found: Sequence[Sequence[str]]) -> Numbers:
        """The place of each word's stem among the query's [words of all]; for other stems the number of places."""
        new = list(set().union(*found).difference(self._places))
        for word, stem in zip(new, stems(new, self._analysis, self._analysis.language), strict=True):
            self._places[word] = self._stems.get(stem, self._size - 1)
        return np.fromiter(map(self._places.__getitem__, chain.from_iterable(found)), dtype=np.int64)

    def _count_pairs(self, places: Numbers, owners: Numbers, passages: int) -> Numbers:
        """How often words stand side by side as in the query [passages, pairs]."""
        count = len(self._pairs)
        known = places < self._size - 1
        first = np.flatnonzero(known[:-1] & known[1:] & (owners[:-1] == owners[1:]))
        pairs = places[first] * self._size + places[first + 1]
        nearest = np.searchsorted(self._pairs, pairs)
        same = np.append(self._pairs, -1)[nearest] == pairs
        cells = owners[first[same]] * count + self._order[nearest[same]]
        return np.bincount(cells, minlength=passages * count).reshape(passages, count)


def _bm25(counts: Array, matches: Array, weights: Sequence[float] | None = None, floor: float = 0.0) -> Array:
    """Standardised BM25 [passages]: each term weighs ``weight * (floor + Lucene idf over the candidates)``."""
    holding = (counts > 0).sum(axis=1)
    idf = np.log1p((counts.shape[1] - holding + 0.5) / (holding + 0.5))
    weight = np.ones(len(counts)) if weights is None else np.asarray(weights)
    scores = weight * (floor + idf) @ matches
    spread = float(scores.std())
    standardised: Array = (scores - scores.mean()) / spread if spread > 1e-12 else np.zeros(len(scores))
    return standardised


def _matches(counts: Array, lengths: Array) -> Array:
    """BM25's term frequencies, saturated and made comparable over lengths [terms, passages]."""
    saturation = _K1 * (1 - _B + _B * lengths / max(float(lengths.mean()), 1e-9))
    found: Array = counts / (counts + saturation + 1e-9)
    return found


def _rarity(stems: Sequence[str], words: Sequence[str], vocabulary: StaticEmbeddings | None) -> dict[str, float]:
    """Rarity of each stem in the language at large: that of its rarest surface form."""
    if vocabulary is None:
        return dict.fromkeys(stems, (_RARE - _COMMON) / 2)
    rarity: dict[str, float] = {}
    for stem, ranks in zip(stems, vocabulary.piece_ranks(words), strict=True):
        summed = sum(math.log(rank) for rank in ranks) if ranks else _RARE
        rarity[stem] = max(rarity.get(stem, 0.0), min(max(summed - _COMMON, _LEAST), _RARE - _COMMON))
    return rarity


def _grams(word: str) -> list[str]:
    padded = f" {word} "
    return [padded[start : start + _GRAM] for start in range(max(1, len(padded) - _GRAM + 1))]
