"""Coherence of an order: whether passages that stand near one another in rank are alike, whatever the query is.

A retriever puts passages about the same thing together, mostly at the top. An order that means nothing does not. The
test is Mantel's (1967, "The detection of disease clustering and a generalized regression approach"): likeness of
passages against nearness in rank, standardised by the mean and the deviation over all permutations of the order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .likeness import by_words

if TYPE_CHECKING:
    from .likeness import Matrix

# What is read: a hundred beginnings tell as much as whole texts, in a few milliseconds.
PASSAGES = 100
CHARACTERS = 500

# Passages that stand this close do not count: those of one document often come in a row, in any order of documents.
NEIGHBOURS = 5


def coherence(texts: Sequence[str]) -> float | None:
    """How much more alike passages of similar rank are than they would be by chance.

    Ranks count as -ln(rank), so that the top decides. The beginnings of the first hundred passages are read.

    Args:
        texts: The passages, in the order that is judged.

    Returns:
        A number that is about standard normal for an order that means nothing, and high for that of a retriever. None
        where nothing can be said: for seven passages or fewer, or where all are equally alike.
    """
    texts = [text[:CHARACTERS] for text in texts[:PASSAGES]]
    if len(texts) <= NEIGHBOURS + 2:
        return None
    places = np.arange(len(texts))
    heights = -np.log(places + 1.0)
    heights = (heights - heights.mean()) / heights.std()
    counts = np.abs(places[:, None] - places) > NEIGHBOURS
    nearness = np.outer(heights, heights)
    # With mean 0, so that it does not matter how alike the neighbours are.
    nearness = np.where(counts, nearness - nearness[counts].mean(), 0.0)
    return _mantel(nearness, _centred(by_words(texts)))


def _centred(likeness: Matrix) -> Matrix:
    """Without what is due to single passages that are like all others; the diagonal is 0."""
    count = len(likeness)
    apart = likeness * (1 - np.eye(count))
    typical = apart.sum(axis=1) / (count - 2)
    overall = apart.sum() / ((count - 1) * (count - 2))
    centred: Matrix = (apart - typical[:, None] - typical + overall) * (1 - np.eye(count))
    return centred


def _mantel(left: Matrix, right: Matrix) -> float | None:
    """The sum of products of two symmetric matrices with zero diagonals, standardised over permutations of one."""
    count = len(left)
    pairs = count * (count - 1)
    triples = pairs * (count - 2)
    quadruples = triples * (count - 3)
    (total, squares, shared, disjoint), others = _products(left), _products(right)
    mean = total * others[0] / pairs
    same = 2 * squares * others[1] / pairs
    variance = same + 4 * shared * others[2] / triples + disjoint * others[3] / quadruples - mean**2
    if variance <= 1e-9 * same:
        return None
    return float(((left * right).sum() - mean) / math.sqrt(variance))


def _products(matrix: Matrix) -> tuple[float, float, float, float]:
    """The sum of all entries, and those of products of two entries that share both places, one place and none."""
    total, rows = float(matrix.sum()), matrix.sum(axis=1)
    squares = float((matrix * matrix).sum())
    shared = float((rows * rows).sum()) - squares
    return total, squares, shared, total**2 - 4 * shared - 2 * squares
