"""BM25 of words, of adjacent word pairs and of character 4-grams, for candidates without their collection.

In a candidate list nearly every passage holds the query's terms, so document frequencies of the list say
little. The rarity of a word is therefore also read off the ranks of its pieces in a subword vocabulary,
whose ids are ordered by frequency: by Zipf's law -ln p grows as ln(rank), and a word of several pieces is
about as rare as their product.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ...bm25.analysis import detect_language, stems, words
from ...requests import Analysis, LexicalBlend, LexicalScores

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .static import StaticEmbeddings

    Array = NDArray[np.float64]

Term = TypeVar("Term", str, tuple[str, str])

_K1, _B = 0.9, 0.4  # Lucene's and Pyserini's values
_GRAM = 4
# Log-rank sums: below the first a word is as common as a stop word, above the second as rare as it gets.
_COMMON, _RARE = 5.0, 14.0
_LEAST = 0.5


def blended_scores(request: LexicalBlend, vocabulary: StaticEmbeddings) -> LexicalScores:
    """The z-score of words plus the weighted z-scores of pairs and 4-grams, one score per passage.

    Args:
        request: The query and its candidates.
        vocabulary: Tells how rare a word is in the language at large.
    """
    analysis = Analysis(language=detect_language(request.query))
    asked = words(request.query, analysis, analysis.language)
    query = stems(asked, analysis, analysis.language)
    read = [words(passage, analysis, analysis.language) for passage in request.passages]
    passages = [stems(each, analysis, analysis.language) for each in read]
    texts = [f" {' '.join(each)} " for each in read]
    lengths = np.array([len(passage) for passage in passages], dtype=np.float64)

    word_counts = _frequencies(Counter(query), [Counter(passage) for passage in passages])
    rarity = _rarity(query, asked, vocabulary)
    pairs = Counter(_pairs(query))
    grams = Counter(gram for word in asked for gram in _grams(word))
    columns = (
        _bm25(word_counts, lengths, [rarity[term] * count for term, count in Counter(query).items()], floor=1.0),
        request.pairs * _bm25(_frequencies(pairs, [Counter(_pairs(passage)) for passage in passages]), lengths),
        request.grams
        * _bm25(
            np.array([[each.count(gram) for each in texts] for gram in grams], dtype=np.float64).reshape(
                -1, len(texts)
            ),
            np.array([len(text) for text in texts], dtype=np.float64),
            list(grams.values()),
        ),
    )
    return LexicalScores(tuple(float(score) for score in np.sum(columns, axis=0)))


def _frequencies(wanted: Mapping[Term, int], passages: Sequence[Mapping[Term, int]]) -> Array:
    """Term frequencies [terms, passages]."""
    table = [[passage.get(term, 0) for passage in passages] for term in wanted]
    return np.array(table, dtype=np.float64).reshape(len(wanted), len(passages))


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


def _rarity(stems: Sequence[str], words: Sequence[str], vocabulary: StaticEmbeddings) -> dict[str, float]:
    """Rarity of each stem in the language at large: that of its rarest surface form."""
    rarity: dict[str, float] = {}
    for stem, ranks in zip(stems, vocabulary.piece_ranks(words), strict=True):
        summed = sum(math.log(rank) for rank in ranks) if ranks else _RARE
        rarity[stem] = max(rarity.get(stem, 0.0), min(max(summed - _COMMON, _LEAST), _RARE - _COMMON))
    return rarity


def _pairs(words: Sequence[str]) -> list[tuple[str, str]]:
    return list(pairwise(words))


def _grams(word: str) -> list[str]:
    padded = f" {word} "
    return [padded[start : start + _GRAM] for start in range(max(1, len(padded) - _GRAM + 1))]
