"""Rules that fuse several score lists over the same candidates into one.

Pure functions. A list has one float per candidate; None or NaN marks a candidate the list does not hold,
and infinities count as the finite extreme of their list. Every rule returns one finite float per
candidate, higher is better.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from .strategy import descending

Scores = Sequence[float | None]


def z_score(lists: Sequence[Scores], weights: Sequence[float]) -> list[float]:
    """Weighted sum of z-scores, population standard deviation (ERank's hybrid rule, model card).

    A constant list adds 0 for everybody; a candidate missing from a list gets that list's lowest z.
    """
    return _weighted([_z(cleaned(scores)) for scores in lists], weights)


def min_max(lists: Sequence[Scores], weights: Sequence[float]) -> list[float]:
    """Weighted sum of lists scaled to 0..1; a constant list adds 0.5, a missing candidate 0."""
    return _weighted([_unit(cleaned(scores)) for scores in lists], weights)


def reciprocal_rank(lists: Sequence[Scores], weights: Sequence[float], k: float = 60) -> list[float]:
    """Weighted reciprocal rank fusion: sum of w / (k + rank), rank from 1 (Cormack et al. 2009).

    Ties within a list rank in the given order; a missing candidate adds 0.
    """
    return _weighted([_reciprocal(cleaned(scores), k) for scores in lists], weights)


def order_trust(order: Scores, others: Scores) -> float:
    """How far a given order agrees with other evidence beyond chance, 0 to 1.

    With r the correlation of the two lists, r * sqrt(n - 1) is about standard normal when the order means
    nothing. The trust is 1 - 1/z^2 of that z, and 0 below 1: a retriever's order of a hundred passages is
    soon believed, a few texts in any order never overrule what is read in them.
    """
    left, right = _z(cleaned(order)), _z(cleaned(others))
    agreement = math.fsum(a * b for a, b in zip(left, right, strict=True)) / max(len(left), 1)
    surprise = agreement * math.sqrt(max(len(left) - 1, 0))
    return 1.0 - 1.0 / surprise**2 if surprise > 1.0 else 0.0


def cleaned(scores: Scores) -> list[float | None]:
    """NaN becomes None (missing), infinities the finite extreme of the list."""
    finite = [score for score in scores if score is not None and math.isfinite(score)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    return [None if score is None or math.isnan(score) else min(max(float(score), low), high) for score in scores]


def present(scores: Sequence[float | None]) -> list[float]:
    """The scores a cleaned list holds."""
    return [score for score in scores if score is not None]


def _weighted(columns: Sequence[Sequence[float]], weights: Sequence[float]) -> list[float]:
    return [
        math.fsum(weight * score for weight, score in zip(weights, row, strict=True))
        for row in zip(*columns, strict=True)
    ]


def _z(scores: list[float | None]) -> list[float]:
    scores = _scaled(scores)
    held = present(scores)
    mean = math.fsum(held) / len(held) if held else 0.0
    deviation = math.sqrt(math.fsum((score - mean) ** 2 for score in held) / len(held)) if held else 0.0
    if deviation <= _ROUNDING:
        return [0.0] * len(scores)
    z = [None if score is None else (score - mean) / deviation for score in scores]
    floor = min(present(z))
    return [floor if score is None else score for score in z]


def _unit(scores: list[float | None]) -> list[float]:
    scores = _scaled(scores)
    held = present(scores)
    low, high = (min(held), max(held)) if held else (0.0, 0.0)
    if high - low <= _ROUNDING:
        return [0.0 if score is None else 0.5 for score in scores]
    return [0.0 if score is None else (score - low) / (high - low) for score in scores]


# Scores that differ by less than this, relative to the largest, differ by rounding and say nothing.
_ROUNDING = 1e-12


def _scaled(scores: list[float | None]) -> list[float | None]:
    """Divided by the largest magnitude, so that nothing overflows and small ranges count as much as large."""
    largest = max((abs(score) for score in present(scores)), default=0.0)
    return [None if score is None else score / largest for score in scores] if largest else scores


def _reciprocal(scores: list[float | None], k: float) -> list[float]:
    held = [index for index, score in enumerate(scores) if score is not None]
    order = descending([scores[index] or 0.0 for index in held])
    fused = [0.0] * len(scores)
    for rank, place in enumerate(order, start=1):
        fused[held[place]] = 1.0 / (k + rank)
    return fused
