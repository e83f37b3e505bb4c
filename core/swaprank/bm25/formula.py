"""The formulas of BM25's variants, for a document outside the index that holds the statistics.

As in Kamphuis et al., Which BM25 do you mean? (2020), and in bm25s, which computes those inside.
"""

from __future__ import annotations

import math

from ..requests import Analysis


def weight(analysis: Analysis, *, frequency: int, relative_length: float, holding: int, documents: int) -> float:
    """What one query term adds to the score of one document.

    Args:
        analysis: Variant and parameters.
        frequency: How often the document holds the term.
        relative_length: Terms of the document, divided by the collection's average.
        holding: Documents of the collection that hold the term, at least 1.
        documents: Documents of the collection.
    """
    k1, delta = analysis.k1, analysis.delta
    length = 1.0 - analysis.b + analysis.b * relative_length
    odds = (documents - holding + 0.5) / (holding + 0.5)
    match analysis.variant:
        case "robertson":
            return max(math.log(odds), 0.0) * frequency / (k1 * length + frequency)
        case "atire":
            return math.log(documents / holding) * frequency * (k1 + 1) / (k1 * length + frequency)
        case "bm25l":
            scaled = frequency / length + delta
            return math.log((documents + 1) / (holding + 0.5)) * (k1 + 1) * scaled / (k1 + scaled)
        case "bm25+":
            saturated = (k1 + 1) * frequency / (k1 * length + frequency) if frequency else 0.0
            return math.log((documents + 1) / holding) * (saturated + delta)
    return math.log1p(odds) * frequency / (k1 * length + frequency) if frequency else 0.0
