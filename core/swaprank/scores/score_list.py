"""Score lists: what one source says of all candidates.

Two types that must not be mixed up, one for what goes into a scaling and one for what comes out of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

ScoreList = Sequence[float | None]
"""One score per candidate as a source gives it, higher is better; None or NaN for candidates that it does not hold."""

ScaledList = list[float | None]
"""One finite number per candidate, comparable with other lists; None marks candidates that the list does not hold."""


def present(scores: ScoreList) -> list[float]:
    """The finite scores a list holds, infinities as its finite extremes."""
    return [score for score in cleaned(scores) if score is not None]


def cleaned(scores: ScoreList) -> ScaledList:
    """The list with None for NaN, and with its finite extremes for infinities (0 where nothing is finite)."""
    finite = [score for score in scores if score is not None and math.isfinite(score)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    return [None if score is None or math.isnan(score) else min(max(float(score), low), high) for score in scores]
