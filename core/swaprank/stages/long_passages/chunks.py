"""Texts cut into chunks of so many tokens, at the ends of sentences."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from .sentences import sentences

# A letter of Chinese, Japanese or Korean, up to six letters of any other word, or a mark: about a token each.
_PIECE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af]|\w{1,6}|[^\w\s]")


class Unit(NamedTuple):
    """A sentence, or a part of one that is too long.

    Attributes:
        start: Where it begins.
        end: Where it ends.
        tokens: How many tokens it has.
    """

    start: int
    end: int
    tokens: int


def estimated_starts(text: str) -> list[int]:
    """About where tokens begin, for want of a tokenizer: by words, of which long ones count several times.

    For English it gives a tenth more tokens than BERT's vocabulary does, so that chunks become too short rather than
    too long.
    """
    return [match.start() for match in _PIECE.finditer(text)]


def units(text: str, starts: Sequence[int], most: int) -> list[Unit]:
    """The sentences of a text, those of more tokens than ``most`` cut between words, or between tokens if need be.

    Args:
        text: The text.
        starts: The first character of each of its tokens, in order.
        most: Most tokens of a unit, at least 1.
    """
    found = []
    for start, end in sentences(text):
        while True:
            first, last = bisect_left(starts, start), bisect_left(starts, end)
            if last - first <= most:
                found.append(Unit(start, end, last - first))
                break
            cut = _cut(text, start, starts[first + most])
            end_of_words = start + len(text[start:cut].rstrip())
            found.append(Unit(start, end_of_words, bisect_left(starts, cut) - first))
            start = cut
    return found


def chunks(parts: Sequence[Unit], split: int, overlap: int) -> list[tuple[int, int]]:
    """Neighbouring units together, as many as fit, as spans of the text.

    Args:
        parts: The units of a text, none longer than ``split``.
        split: Most tokens of a chunk.
        overlap: Most tokens at the end of a chunk that the next one begins with again; at most half of ``split``.
    """
    spans: list[tuple[int, int]] = []
    first = 0
    while first < len(parts):
        after, held = first, 0
        while after < len(parts) and (after == first or held + parts[after].tokens <= split):
            held += parts[after].tokens
            after += 1
        spans.append((parts[first].start, parts[after - 1].end))
        if after == len(parts):
            break
        again, repeated = after, 0
        room = min(overlap, split - parts[after].tokens)
        while again - 1 > first and repeated + parts[again - 1].tokens <= room:
            again -= 1
            repeated += parts[again].tokens
        first = again
    return spans


def _cut(text: str, start: int, limit: int) -> int:
    """The last beginning of a word up to ``limit``, or ``limit`` itself where there is none in its second half."""
    blank = max(text.rfind(white, start, limit) for white in " \n\t\u3000")
    return blank + 1 if blank + 1 > (start + limit) / 2 else max(limit, start + 1)
