"""How far the words of a query explain the scores that its passages came with: behind BM25 they do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...scores.score_list import ScoreList, cleaned

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

# So many more passages than words it takes to tell.
_SPARE = 8


def explained(scores: ScoreList, matches: Array) -> float | None:
    """The share of the variance of scores that a weighted sum of matches explains, by least squares.

    The weights are free: a retriever's weights of words come from its collection, which nobody knows here. The share is
    adjusted for how many there are, so that it is about 0 where words say nothing.

    Args:
        scores: What each passage came with.
        matches: How well each passage matches each word of the query [words, passages].

    Returns:
        From 0 to 1; about 1 for BM25's scores, and far less for those of neural retrievers. None where nobody can tell:
        all scores are equal, or there are too few.
    """
    found = cleaned(scores)
    held = [place for place, score in enumerate(found) if score is not None]
    target = np.array([found[place] for place in held], dtype=np.float64)
    columns = matches[:, held].T
    if len(target) == 0:
        return None
    target = target - target.mean()
    columns = columns - columns.mean(axis=0)
    weights, _, rank, _ = np.linalg.lstsq(columns, target, rcond=1e-6)
    spare = len(target) - 1 - int(rank)
    total = float(target @ target)
    if spare < _SPARE or total <= 0.0 or not np.isfinite(total):
        return None
    left = target - columns @ weights
    return float(np.clip(1.0 - (left @ left) / total * (len(target) - 1) / spare, 0.0, 1.0))
