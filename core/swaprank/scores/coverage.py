"""How much of a text an encoder's vocabulary knows.

A subword vocabulary keeps the letters of its own language together, at least two in a piece. A foreign script falls
apart into single letters, bytes or unknown tokens, and its embedding says next to nothing, however high the cosines
are (English weights give Arabic pairs 0.9 and more).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WORD = re.compile(r"[^\W\d_]{2,}")
# Characters of a text that are looked at: enough to know its script, and few enough to cost nothing.
READ_CHARACTERS = 1000


def coverage(text: str, offsets: Sequence[tuple[int, int]], known: Sequence[bool]) -> float | None:
    """The share of letters that lie in known pieces of two letters or more.

    Args:
        text: The text.
        offsets: Start and end of each piece, in characters of the text.
        known: Whether each piece is in the vocabulary (false for unknown and byte tokens).

    Returns:
        0 to 1, or None when the text has no word of two letters to judge by.
    """
    text = text[:READ_CHARACTERS]
    before = read_letters(text)
    if not before[-1]:
        return None
    # Pieces hold at least one character each, bytes aside: no more pieces than characters need be looked at.
    spans = np.clip(np.asarray(offsets[:READ_CHARACTERS], dtype=np.int64).reshape(-1, 2), 0, len(text))
    inside = before[spans[:, 1]] - before[spans[:, 0]]
    return float(min(1.0, inside[(inside >= 2) & np.asarray(known[:READ_CHARACTERS], dtype=bool)].sum() / before[-1]))


def read_letters(text: str) -> NDArray[np.int64]:
    """How many letters lie before each place of the text [characters + 1], those of words of one letter not counted."""
    edges = np.array([word.span() for word in _WORD.finditer(text)], dtype=np.int64).reshape(-1, 2)
    inside = np.zeros(len(text) + 1, dtype=np.int64)
    inside[edges[:, 0]] = 1
    inside[edges[:, 1]] -= 1
    letters = np.zeros(len(text) + 1, dtype=np.int64)
    np.cumsum(np.cumsum(inside[:-1]), out=letters[1:])
    return letters
