"""From scores to an order and back."""

from __future__ import annotations

import math
from collections.abc import Sequence


def descending(scores: Sequence[float]) -> list[int]:
    """Indices by falling score; equal scores keep the given order."""
    return sorted(range(len(scores)), key=lambda index: -scores[index])


def best(scores: Sequence[float]) -> int:
    """The place of the highest score; of equal ones the first."""
    return max(range(len(scores)), key=lambda place: (scores[place], -place))


def behind(floor: float, indices: Sequence[int]) -> dict[int, float]:
    """Scores by index for candidates that rank after all others: the floor minus 1 for each rank."""
    return {index: floor - distance for distance, index in enumerate(indices, start=1)}


def order_scores(count: int) -> list[float]:
    """Scores for a given order that is to be weighed: -ln(rank), so that the top decides; 0 for the first."""
    return [-math.log(rank) for rank in range(1, count + 1)]


def rank_scores(order: Sequence[int]) -> list[float]:
    """Scores for a bare order: 1/rank by index, 1.0 for the best."""
    scores = [0.0] * len(order)
    for place, index in enumerate(order, start=1):
        scores[index] = 1.0 / place
    return scores


def unread_behind(scores: Sequence[float], order: Sequence[int]) -> list[float]:
    """The scores, with passages that have none (-inf) after all others in the given order."""
    known = [score for score in scores if score > -math.inf]
    unread = [index for index in order if scores[index] == -math.inf]
    lowest = behind(min(known, default=0.0), unread)
    return [lowest.get(index, score) for index, score in enumerate(scores)]
