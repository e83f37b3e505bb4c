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

    One matrix product per passage: nothing is padded, so no passage's score depends on its neighbours, to the last
    bit. One product over all passages is no faster and rounds equal passages differently.

    Args:
        query: The query's token vectors [query tokens, dimensions].
        passages: Each passage's token vectors [tokens, dimensions].

    Returns:
        One score per passage. A passage without tokens gets the least that unit vectors could give it.
    """
    floor = -float(np.linalg.norm(query, axis=-1).sum())
    best = [(query @ tokens.T).max(axis=1).sum(dtype=np.float64) if len(tokens) else floor for tokens in passages]
    return [float(score) for score in best]
