"""The formulas of BM25's variants: what a query term adds to the score of a document.

As in Kamphuis et al., Which BM25 do you mean? (2020), and in bm25s, whose names the variants have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..requests import Analysis

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

VARIANTS = ("lucene", "robertson", "atire", "bm25l", "bm25+")
# The variants under which a document gains something from a term that it does not hold.
ABSENT_COUNTS = ("bm25l", "bm25+")


def weight(
    analysis: Analysis,
    *,
    frequency: Array,
    relative_length: Array | float,
    document_frequency: Array,
    documents: int,
) -> NDArray[np.float32]:
    """What terms add to the scores of documents; all arrays have one entry per pair of term and document.

    Args:
        analysis: Variant and parameters.
        frequency: How often the document holds the term.
        relative_length: Terms of the document, divided by the collection's average; above 0.
        document_frequency: Documents of the collection that hold the term, at least 1.
        documents: Documents of the collection.
    """
    k1, delta = analysis.k1, analysis.delta
    length = 1.0 - analysis.b + analysis.b * relative_length
    odds = (documents - document_frequency + 0.5) / (document_frequency + 0.5)
    match analysis.variant:
        case "robertson":
            return _single(np.maximum(np.log(odds), 0.0)) * _saturated(frequency, k1 * length)
        case "atire":
            return _single(np.log(documents / document_frequency)) * (k1 + 1) * _saturated(frequency, k1 * length)
        case "bm25l":
            idf = _single(np.log((documents + 1) / (document_frequency + 0.5)))
            return idf * (k1 + 1) * _saturated(frequency / length + delta, k1)
        case "bm25+":
            idf = _single(np.log((documents + 1) / document_frequency))
            return idf * ((k1 + 1) * _saturated(frequency, k1 * length) + delta)
    return _single(np.log1p(odds)) * _saturated(frequency, k1 * length)


def _saturated(frequency: Array, half: Array | float) -> NDArray[np.float32]:
    """Frequency / (frequency + half): 0 to 1, and 0 for frequency 0, also where there is nothing to divide by."""
    frequency, half = _single(frequency), _single(half)
    saturated: NDArray[np.float32] = np.zeros_like(frequency)
    np.divide(frequency, frequency + half, out=saturated, where=frequency > 0)
    return saturated


def _single(values: Array | float) -> NDArray[np.float32]:
    """In single precision, in which bm25s multiplies: scores are then the same to the last bit, not only nearly."""
    return np.asarray(values, dtype=np.float32)
