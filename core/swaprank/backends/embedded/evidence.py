"""How much of a query a passage holds, whatever the other candidates are: what relevance is judged by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Table = NDArray[np.floating[Any]]


def shares(counts: Table, weights: Sequence[float]) -> tuple[float, ...]:
    """The weighted share of the query's terms that each passage holds, 0 to 1.

    Args:
        counts: How often a passage holds a term: [terms, passages].
        weights: How much each term weighs: [terms]. They may not depend on the candidates.

    Returns:
        One share per passage; 0 where there are no terms.
    """
    total = float(np.sum(weights))
    if not total > 0:
        return (0.0,) * int(counts.shape[1])
    held = np.asarray(weights, dtype=np.float64) @ (counts > 0).astype(np.float64)
    return tuple(min(float(share) / total, 1.0) for share in held)
