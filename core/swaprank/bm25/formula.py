"""The formulas of BM25's variants, for a document outside the index that holds the statistics.

As in Kamphuis et al., Which BM25 do you mean? (2020), and in bm25s, which computes the scores of those in the index.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..requests import Analysis

if TYPE_CHECKING:
    from bm25s import BM25

VARIANTS = ("lucene", "robertson", "atire", "bm25l", "bm25+")

# bm25s divides 0 by 0 for k1 = 0 and a term that a document does not hold; this little makes no difference to a score.
_LEAST_K1 = 1e-9


def bm25s_model(analysis: Analysis) -> BM25:
    """bm25s with the parameters of an analysis, nothing indexed yet."""
    import bm25s

    return bm25s.BM25(method=analysis.variant, k1=max(analysis.k1, _LEAST_K1), b=analysis.b, delta=analysis.delta)


def weight(
    analysis: Analysis, *, frequency: int, relative_length: float, document_frequency: int, documents: int
) -> float:
    """What one query term adds to the score of one document.

    Args:
        analysis: Variant and parameters.
        frequency: How often the document holds the term.
        relative_length: Terms of the document, divided by the collection's average.
        document_frequency: Documents of the collection that hold the term, at least 1.
        documents: Documents of the collection.
    """
    k1, delta = analysis.k1, analysis.delta
    length = 1.0 - analysis.b + analysis.b * relative_length
    odds = (documents - document_frequency + 0.5) / (document_frequency + 0.5)
    match analysis.variant:
        case "bm25l":
            scaled = frequency / length + delta
            saturated = (k1 + 1) * scaled / (k1 + scaled) if scaled else 0.0
            return math.log((documents + 1) / (document_frequency + 0.5)) * saturated
        case "bm25+":
            saturated = (k1 + 1) * frequency / (k1 * length + frequency) if frequency else 0.0
            return math.log((documents + 1) / document_frequency) * (saturated + delta)
    if not frequency:
        return 0.0
    match analysis.variant:
        case "robertson":
            return max(math.log(odds), 0.0) * frequency / (k1 * length + frequency)
        case "atire":
            return math.log(documents / document_frequency) * frequency * (k1 + 1) / (k1 * length + frequency)
    return math.log1p(odds) * frequency / (k1 * length + frequency)
