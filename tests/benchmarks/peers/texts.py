"""Random words: passages as long as real ones, and of nobody."""

from __future__ import annotations

import random
from collections.abc import Sequence

from .models import words

Ask = tuple[str, Sequence[str]]


def passages(lengths: Sequence[int], seed: int) -> list[str]:
    shuffled = random.Random(seed)
    return [" ".join(words(length, shuffled)) for length in lengths]


def ask(lengths: Sequence[int], seed: int = 0) -> Ask:
    """A query of eight words, and passages of so many."""
    return passages([8], seed + 1_000)[0], passages(lengths, seed)


def mixed(count: int, seed: int = 0) -> list[int]:
    """Lengths in words: a median of 200, from 30 to 480, as passages of web pages have."""
    shuffled = random.Random(seed)
    return [min(480, max(30, round(shuffled.lognormvariate(5.3, 0.7)))) for _ in range(count)]
