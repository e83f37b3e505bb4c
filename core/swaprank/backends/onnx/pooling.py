"""From token embeddings to one embedding of a text, as sentence-transformers' pooling does."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]


def unit(vector: Vectors) -> Vectors:
    """The vector at length 1; zeros stay zeros."""
    norm = float(np.linalg.norm(vector))
    return vector / np.float32(norm) if norm > 0 else vector


def _mean(tokens: Vectors) -> Vectors:
    mean: Vectors = tokens.mean(axis=0)
    return mean


def _first(tokens: Vectors) -> Vectors:
    first: Vectors = tokens[0]
    return first


def _last(tokens: Vectors) -> Vectors:
    last: Vectors = tokens[-1]
    return last


def _greatest(tokens: Vectors) -> Vectors:
    greatest: Vectors = tokens.max(axis=0)
    return greatest


# Each makes [dimensions] of the embeddings of a text's own tokens [tokens, dimensions], at least one.
POOLINGS: dict[str, Callable[[Vectors], Vectors]] = {
    "cls": _first,
    "mean": _mean,
    "max": _greatest,
    "lasttoken": _last,
}
