"""Scalings: what makes the scores of one list comparable with those of another.

Each takes a list with one score per candidate and returns one number per candidate: higher is better, and None marks
the candidates that the list does not hold. NaN counts as not held, an infinity as the finite extreme of the list;
scalings of ranks keep its rank.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from .ranks import descending
from .score_list import ScaledList, ScoreList, cleaned, present

Scaling = Callable[[ScoreList], ScaledList]

# ScoreList that differ by less than this, relative to the largest, differ by rounding and say nothing.
_ROUNDING = 1e-13
_LARGEST = 1e200


def none(scores: ScoreList) -> ScaledList:
    """The scores as they are, so far as weighted sums of them stay finite."""
    return _each(cleaned(scores), lambda score: min(max(score, -_LARGEST), _LARGEST))


def z_score(scores: ScoreList, *, sample: bool = False) -> ScaledList:
    """(score - mean) / standard deviation: mean 0, deviation 1; 0 for a constant list.

    Args:
        scores: The list.
        sample: Divide the variance by n - 1 instead of n.
    """
    scores = _relative(scores)
    mean, deviation = _moments(scores, sample)
    return _each(scores, lambda score: (score - mean) / deviation if deviation > _ROUNDING else 0.0)


def dbsf(scores: ScoreList, *, sample: bool = False) -> ScaledList:
    """Mean ± 3 standard deviations to 0..1, not clipped; 0.5 for a constant list.

    Distribution-based score fusion (Mazzeschi 2023); LlamaIndex takes the population standard deviation, qdrant the
    sample's (``sample``).
    """
    return _each(z_score(scores, sample=sample), lambda z: 0.5 + z / 6.0)


def min_max(scores: ScoreList) -> ScaledList:
    """(score - lowest) / (highest - lowest), 0 to 1; 0.5 for a constant list."""
    scores = _relative(scores)
    low, high = _ends(scores)
    return _each(scores, lambda score: (score - low) / (high - low) if high - low > _ROUNDING else 0.5)


def maximum(scores: ScoreList) -> ScaledList:
    """Divided by the highest score, at most 1; `min_max` where that is not positive and would turn it around."""
    scores = _relative(scores)
    _, high = _ends(scores)
    return _each(scores, lambda score: score / high) if high > _ROUNDING else min_max(scores)


def total(scores: ScoreList) -> ScaledList:
    """(score - lowest) / sum of all (score - lowest), 0 to 1; equal shares for a constant list."""
    scores = _relative(scores)
    low, _ = _ends(scores)
    held = present(scores)
    mass = math.fsum(held) - low * len(held)
    return _each(scores, lambda score: (score - low) / mass if mass > _ROUNDING else 1.0 / len(held))


def rank(scores: ScoreList) -> ScaledList:
    """(n - rank + 1) / n over the n candidates that the list holds, rank from 1: above 0, at most 1."""
    ranks = _ranks(scores)
    held = len(present(ranks))
    return _each(ranks, lambda place: (held - place + 1) / held)


def borda(scores: ScoreList) -> ScaledList:
    """As `rank`, with n counting all candidates; those that the list does not hold share the last places evenly."""
    ranks = _ranks(scores)
    count, held = len(ranks), len(present(ranks))
    return [(count - held + 1) / (2 * count) if place is None else (count - place + 1) / count for place in ranks]


def log_rank(scores: ScoreList) -> ScaledList:
    """-ln(rank), rank from 1: 0 or less. Candidates that the list does not hold rank right after its last.

    The rule of Diver, whose code drops candidates that a list does not hold.
    """
    ranks = _ranks(scores)
    behind = len(present(ranks)) + 1
    return [-math.log(behind if place is None else place) for place in ranks]


def reciprocal_rank(scores: ScoreList, k: float = 60) -> ScaledList:
    """1 / (k + rank), rank from 1 (Cormack, Clarke & Buettcher 2009): above 0, at most 1 / (k + 1)."""
    return _each(_ranks(scores), lambda place: 1.0 / (k + place))


SCALINGS: Mapping[str, Scaling] = {
    "none": none,
    "z-score": z_score,
    "min-max": min_max,
    "dbsf": dbsf,
    "max": maximum,
    "sum": total,
    "rank": rank,
    "borda": borda,
    "log-rank": log_rank,
    "rrf": reciprocal_rank,
}


def _relative(scores: ScoreList) -> ScaledList:
    """Cleaned and divided by the largest magnitude, so that nothing overflows and small ranges count as large ones."""
    held = cleaned(scores)
    largest = max((abs(score) for score in present(held)), default=0.0)
    return _each(held, lambda score: score / largest) if largest else held


def _moments(scores: ScaledList, sample: bool) -> tuple[float, float]:
    held = present(scores)
    count = len(held) - 1 if sample else len(held)
    if count < 1:
        return 0.0, 0.0
    mean = math.fsum(held) / len(held)
    return mean, math.sqrt(math.fsum((score - mean) ** 2 for score in held) / count)


def _ends(scores: ScaledList) -> tuple[float, float]:
    held = present(scores)
    return (min(held), max(held)) if held else (0.0, 0.0)


def _ranks(scores: ScoreList) -> ScaledList:
    """Rank of each candidate from 1; ties in the given order, infinities in theirs."""
    held = [index for index, score in enumerate(scores) if score is not None and not math.isnan(score)]
    ranks: ScaledList = [None] * len(scores)
    for place, best in enumerate(descending([scores[index] or 0.0 for index in held]), start=1):
        ranks[held[best]] = float(place)
    return ranks


def _each(scores: ScoreList, change: Callable[[float], float]) -> ScaledList:
    return [None if score is None else change(score) for score in scores]
