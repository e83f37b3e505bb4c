"""MaxSim, the score of late interaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vectors = NDArray[np.floating[Any]]


def max_sim(query: Vectors, passages: Sequence[Vectors]) -> list[float]:
    """For each query token the best dot product with any token of a passage, summed over the query's tokens.

    One matrix product over the tokens of all passages, laid end to end: nothing is padded, so no passage's
    score depends on its neighbours.

    Args:
        query: The query's token vectors [query tokens, dimensions].
        passages: Each passage's token vectors [tokens, dimensions].

    Returns:
        One score per passage. A passage without tokens gets the least that unit vectors could give it.
    """
    floor = -float(np.linalg.norm(query, axis=-1).sum())
    scores = [floor] * len(passages)
    filled = [place for place, tokens in enumerate(passages) if len(tokens)]
    if not filled or not len(query):
        return scores
    starts = np.cumsum([0, *(len(passages[place]) for place in filled[:-1])])
    similarities = query @ np.concatenate([passages[place] for place in filled]).T
    best = np.maximum.reduceat(similarities, starts, axis=1).sum(axis=0, dtype=np.float64)
    for place, score in zip(filled, best, strict=True):
        scores[place] = float(score)
    return scores
