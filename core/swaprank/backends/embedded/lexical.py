"""BM25 of words, of adjacent word pairs and of character 4-grams, for candidates without their collection.

In a candidate list nearly every passage holds the query's terms, so document frequencies of the list say
little. The rarity of a word is therefore also read off the ranks of its pieces in a subword vocabulary,
whose ids are ordered by frequency: by Zipf's law -ln p grows as ln(rank), and a word of several pieces is
about as rare as their product.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence, Sized
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...bm25.analysis import detect_language, stems, words
from ...requests import Analysis, LexicalBlend
from .evidence import shares

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .static import StaticEmbeddings

    Array = NDArray[np.float64]

_K1, _B = 0.9, 0.4  # Lucene's and Pyserini's values
_GRAM = 4
# Log-rank sums: below the first a word is as common as a stop word, above the second as rare as it gets.
_COMMON, _RARE = 5.0, 14.0
_LEAST = 0.5
# From so many strings on, one pass over the text is faster than a search for each, and the time stays linear.
_MANY = 100


def blended_scores(
    request: LexicalBlend, vocabulary: StaticEmbeddings | None
) -> tuple[tuple[float, ...], dict[str, tuple[float, ...]]]:
    """The z-score of words plus the weighted z-scores of pairs and 4-grams, and `LexicalScores.evidence`.

    Args:
        request: The query and its candidates.
        vocabulary: Tells how rare a word is in the language at large; None counts all as equally rare.
    """
    analysis = Analysis(language=detect_language(request.query))
    query_words = words(request.query, analysis, analysis.language)
    query_stems = stems(query_words, analysis, analysis.language)
    wanted = _Terms(
        words=Counter(query_stems),
        pairs=Counter(pairwise(query_stems)),
        grams=Counter(gram for word in query_words for gram in _grams(word)),
    )
    counter = _Counter(wanted, analysis)
    counted = [counter.count(passage) for passage in request.passages]
    rarity = _rarity(query_stems, query_words, vocabulary)
    lengths = np.array([passage.length for passage in counted], dtype=np.float64)
    letters = np.array([passage.letters for passage in counted], dtype=np.float64)
    word_counts = _table([passage.words for passage in counted], wanted.words)
    pair_counts = _table([passage.pairs for passage in counted], wanted.pairs)
    columns = (
        _bm25(
            word_counts,
            lengths,
            [rarity[term] * count for term, count in wanted.words.items()],
            floor=1.0,
        ),
        request.pairs * _bm25(pair_counts, lengths),
        request.grams
        * _bm25(_table([passage.grams for passage in counted], wanted.grams), letters, list(wanted.grams.values())),
    )
    evidence = {
        "terms": shares(word_counts, [rarity[term] for term in wanted.words]),
        "pairs": shares(pair_counts, [1.0] * len(wanted.pairs)),
    }
    return tuple(float(score) for score in np.sum(columns, axis=0)), evidence


class _Terms(NamedTuple):
    """The terms of the query, and how often it holds each."""

    words: Counter[str]
    pairs: Counter[tuple[str, str]]
    grams: Counter[str]


class _Counts(NamedTuple):
    """How often a passage holds each term of the query, in the order of `_Terms`, and how long it is."""

    words: list[int]
    pairs: list[int]
    grams: list[int]
    length: int
    letters: int


class _Counter:
    """Counts the query's terms in passages, the words of one passage at a time.

    A word is stemmed once, and remembered as the place of its stem among the query's; the other stems are one.
    """

    def __init__(self, wanted: _Terms, analysis: Analysis) -> None:
        self._wanted = wanted
        self._analysis = analysis
        self._stems = {stem: place for place, stem in enumerate(wanted.words)}
        # Pairs of places as one number each.
        self._size = len(self._stems) + 1
        self._pairs = [self._stems[left] * self._size + self._stems[right] for left, right in wanted.pairs]
        self._places: dict[str, int] = {}

    def count(self, passage: str) -> _Counts:
        """Count one passage."""
        found = words(passage, self._analysis, self._analysis.language)
        text = f" {' '.join(found)} "
        places = self._places_of(found)
        singles = np.bincount(places, minlength=self._size)
        known = np.flatnonzero((places[:-1] < self._size - 1) & (places[1:] < self._size - 1))
        pairs = Counter((places[known] * self._size + places[known + 1]).tolist())
        return _Counts(
            words=singles[:-1].tolist(),
            pairs=[pairs[pair] for pair in self._pairs],
            grams=occurrences(text, self._wanted.grams),
            length=len(found),
            letters=len(text),
        )

    def _places_of(self, found: list[str]) -> NDArray[np.intp]:
        """The place of each word's stem among the query's [words]; for other stems the number of places."""
        new = list(set(found).difference(self._places))
        for word, stem in zip(new, stems(new, self._analysis, self._analysis.language), strict=True):
            self._places[word] = self._stems.get(stem, self._size - 1)
        return np.fromiter(map(self._places.__getitem__, found), dtype=np.intp, count=len(found))


def occurrences(text: str, wanted: Collection[str]) -> list[int]:
    """How often a text holds each of some distinct strings, as `str.count` tells: without overlaps."""
    if len(wanted) < _MANY:
        return [text.count(one) for one in wanted]
    counts = dict.fromkeys(wanted, 0)
    ends = dict.fromkeys(wanted, 0)
    for size in {len(one) for one in wanted}:
        for start in range(len(text) - size + 1):
            one = text[start : start + size]
            if start >= ends.get(one, len(text)):
                counts[one] += 1
                ends[one] = start + size
    return list(counts.values())


def _table(counts: Sequence[Sequence[int]], wanted: Sized) -> Array:
    """Term frequencies [terms, passages]."""
    return np.ascontiguousarray(np.array(counts, dtype=np.float64).reshape(len(counts), len(wanted)).T)


def _bm25(counts: Array, lengths: Array, weights: Sequence[float] | None = None, floor: float = 0.0) -> Array:
    """Standardised BM25 [passages]: each term weighs ``weight * (floor + Lucene idf over the candidates)``."""
    holding = (counts > 0).sum(axis=1)
    idf = np.log1p((len(lengths) - holding + 0.5) / (holding + 0.5))
    saturation = _K1 * (1 - _B + _B * lengths / max(float(lengths.mean()), 1e-9))
    scores = (
        (np.ones(len(counts)) if weights is None else np.asarray(weights))
        * (floor + idf)
        @ (counts / (counts + saturation + 1e-9))
    )
    spread = float(scores.std())
    standardised: Array = (scores - scores.mean()) / spread if spread > 1e-12 else np.zeros(len(scores))
    return standardised


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
