"""Where a list of falling scores breaks: which of its first places belong together."""

from __future__ import annotations

from collections.abc import Sequence


def gap(scores: Sequence[float], least: int, most: int) -> int:
    """How many places stand before the largest drop between neighbours; as many as allowed where nothing drops.

    Args:
        scores: Falling.
        least: The fewest places to return, at least 1.
        most: The most places to return.
    """
    most = min(most, len(scores))
    drops = [scores[place - 1] / 2 - scores[place] / 2 for place in range(least, min(most + 1, len(scores)))]
    return least + drops.index(max(drops)) if drops and max(drops) > 0 else most


def elbow(scores: Sequence[float], least: int, most: int) -> int:
    """How many places stand before the bend of the whole list's curve; as many as allowed where it has none.

    The bend is the place farthest from the straight line between the first score and the last (Satopaa et al., Finding
    a "Kneedle" in a Haystack, 2011, without smoothing). Of a curve that falls and then flattens, the places above the
    flat part are returned; of one that is flat and then falls, those before the fall.

    Args:
        scores: Falling.
        least: The fewest places to return, at least 1.
        most: The most places to return.
    """
    count = len(scores)
    most = min(most, count)
    if count < 3 or scores[0] <= scores[-1]:
        return most
    low, span = scores[-1] / 2, scores[0] / 2 - scores[-1] / 2
    # Both axes from 0 to 1.
    below = [(1 - place / (count - 1)) - (score / 2 - low) / span for place, score in enumerate(scores)]
    deepest, highest = max(below), -min(below)
    if max(deepest, highest) <= _ROUNDING:
        return most
    bend = below.index(deepest) if deepest >= highest else count - below[::-1].index(-highest)
    return min(max(bend, least), most)


# Deviations of a straight line.
_ROUNDING = 1e-9

RULES = {"gap": gap, "elbow": elbow}
