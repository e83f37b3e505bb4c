"""How far a score list is believed: a factor from 0 to 1 for its weight in a fusion."""

from __future__ import annotations

import math

from .scaling import z_score
from .score_list import ScoreList, present

# From this share of its variance on, a score list is one of words.
_WORDS = 0.9

# What knowing more than words is worth at most, beside a first stage's own weight.
_MOST = 1.5


def coverage_trust(coverage: float | None) -> float:
    """The trust in an encoder: the share of letters in known pieces minus the share of the others.

    Args:
        coverage: How much of the text its vocabulary knows (`coverage.coverage`), 0 to 1; None when nobody can tell.

    Returns:
        ``2 * coverage - 1``, at least 0: nothing when the vocabulary knows half of the text or less. 1 for None.
    """
    return 1.0 if coverage is None else min(1.0, max(0.0, 2.0 * coverage - 1.0))


def order_trust(order: ScoreList, others: ScoreList, coherence: float | None = None) -> float:
    """The trust in a given order: how far it agrees with other evidence, and with itself, beyond chance.

    With r the correlation of the two lists over n candidates, ``z = r * sqrt(n - 1)`` is about standard normal when the
    order means nothing, and so is its coherence. A retriever's order of a hundred passages is soon believed, and a few
    texts in any order never overrule what is read in them. An order may be coherent and have nothing to do with the
    query, as that of a document's parts: without agreement, coherence counts nothing.

    Args:
        order: A score for each candidate that falls along the order.
        others: What the other lists say together.
        coherence: How alike passages of similar rank are (`coherence.coherence`); None where nobody can tell.

    Returns:
        ``(1 - 1 / t**2) * (2 * Phi(z) - 1)``, with ``t = (z + coherence) / sqrt(2)``, or z where there is no coherence,
        and Phi the normal distribution function; 0 where t is 1 or less or z is negative.
    """
    products = [
        (left or 0.0) * (right or 0.0) for left, right in zip(_standardised(order), _standardised(others), strict=True)
    ]
    z = math.fsum(products) / max(len(products), 1) * math.sqrt(max(len(products) - 1, 0))
    together = z if coherence is None else (z + coherence) / math.sqrt(2.0)
    if z <= 0.0 or together <= 1.0:
        return 0.0
    return (1.0 - 1.0 / together**2) * math.erf(z / math.sqrt(2.0))


def emphasis(trust: float, explained: float | None) -> float:
    """By how much a first stage counts more than its weight: for knowing what the words of the query do not say.

    What words explain, the lexical match beside it says as well. A retriever whose scores they do not explain, but
    which agrees with embeddings, is a neural one, and mostly better than what it is fused with.

    Args:
        trust: How far the embeddings that are fused with it bear it out (`order_trust`), 0 to 1. Squared, so that
            chance counts little.
        explained: The share of its variance that words explain, 0 to 1; None where nobody can tell.

    Returns:
        From 1, behind BM25 or anything that is not borne out, to 2.5.
    """
    if explained is None:
        return 1.0
    return 1.0 + _MOST * max(0.0, 1.0 - explained / _WORDS) * trust**2


def _standardised(scores: ScoreList) -> ScoreList:
    """The z-scores; candidates that the list does not hold have its lowest."""
    scaled = z_score(scores)
    lowest = min(present(scaled), default=None)
    return [lowest if score is None else score for score in scaled]
