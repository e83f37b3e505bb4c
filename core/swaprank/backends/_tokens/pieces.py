"""The text of tokens one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .tokens import Tokens


def pieces_of(ids: Sequence[int], tokens: Tokens) -> list[str]:
    """The text of each token: together they are the decoded text.

    A token may change how the ones before it decode (half characters, joined spaces), so the text of a
    token is what it adds to the text of some tokens before it; where that does not come out, of all.
    """
    whole = tokens.decode(ids)
    for window in (16, len(ids)):
        pieces = []
        for end in range(1, len(ids) + 1):
            start = max(0, end - window)
            before, here = _settled(tokens, ids[start : end - 1]), _settled(tokens, ids[start:end])
            pieces.append(here[len(before) :])
        if pieces:
            pieces[-1] += tokens.decode(ids[-window:])[len(_settled(tokens, ids[-window:])) :]
        if "".join(pieces) == whole:
            return pieces
    return [*[""] * (len(ids) - 1), whole] if ids else []


def _settled(tokens: Tokens, ids: Sequence[int]) -> str:
    """The text of ids as far as further tokens cannot change it: without a character that is not whole yet."""
    return tokens.decode(ids).rstrip("\ufffd")


def first_pieces(pieces: Sequence[str], length: int) -> list[str]:
    """The first pieces that make up ``length`` characters, the last of them cut."""
    short = []
    for piece in pieces:
        if length <= 0:
            break
        short.append(piece[:length])
        length -= len(piece)
    return short
