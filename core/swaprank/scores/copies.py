"""Copies: candidates that several sources brought, told by their ids."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

from .score_list import ScoreList, cleaned


def best_copies(ids: Sequence[Hashable | None], scores: ScoreList) -> list[int]:
    """The best-scored index of every id, and all without an id, in the given order; equal scores keep the first.

    Args:
        ids: One per candidate; None is no id.
        scores: One per candidate; one without a score is below all others.
    """
    heights = [-math.inf if score is None else score for score in cleaned(scores)]
    best: dict[object, int] = {}
    for index, name in enumerate(ids):
        key = (index,) if name is None else name
        known = best.setdefault(key, index)
        if heights[index] > heights[known]:
            best[key] = index
    return sorted(best.values())
