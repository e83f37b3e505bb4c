"""How like one another passages are: by their embeddings, or by their words."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

# Scripts without blanks between words: pairs of neighbouring letters stand for words there.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_RUN = re.compile(rf"[{_UNSPACED}]+|[^\W{_UNSPACED}]+")
_FIRST_UNSPACED = re.compile(f"[{_UNSPACED}]")


def by_vectors(vectors: Sequence[Sequence[float]] | Any) -> Matrix:
    """Cosine of each pair of vectors [n, dimensions], negative ones as 0: [n, n], 0 to 1; 0 for zero vectors."""
    matrix = np.asarray(vectors, dtype=np.float64)
    largest = np.abs(matrix).max(axis=1, keepdims=True, initial=0.0)
    # Scaled first, so that the squares of the norm neither overflow nor vanish.
    matrix = np.divide(matrix, largest, out=np.zeros_like(matrix), where=largest > 0)
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    unit = np.divide(matrix, norms, out=np.zeros_like(matrix), where=norms > 0)
    likeness: Matrix = np.clip(unit @ unit.T, 0.0, 1.0)
    return likeness


def by_words(texts: Sequence[str]) -> Matrix:
    """Cosine of tf-idf over these texts, with log-scaled counts: [n, n], 0 to 1; 0 for texts without words.

    Words that all texts share, such as the query's, hardly count: what is left is what sets the texts apart.
    """
    counts = [Counter(_words(text)) for text in texts]
    frequencies = Counter(word for count in counts for word in count)
    places = {word: place for place, word in enumerate(frequencies)}
    matrix = np.zeros((len(texts), max(len(places), 1)))
    for row, count in enumerate(counts):
        for word, times in count.items():
            matrix[row, places[word]] = (1 + math.log(times)) * math.log1p(len(texts) / frequencies[word])
    return by_vectors(matrix)


def _words(text: str) -> list[str]:
    words: list[str] = []
    for run in _RUN.findall(text.casefold()):
        if len(run) > 1 and _FIRST_UNSPACED.match(run):
            words += [run[place : place + 2] for place in range(len(run) - 1)]
        else:
            words.append(run)
    return words
