"""Truncation: that many passages were cut is said to the user, once in the log and in every ranking."""

from __future__ import annotations

from collections.abc import Sequence

from ..types import Call

# The share of texts from which on their cuts are worth a warning.
_MANY = 0.1


def cut_warnings(method: str, calls: Sequence[Call]) -> list[str]:
    """What to say of texts that were cut: nothing for a tenth of them or less.

    Args:
        method: A method that asks about each passage by itself.
        calls: Its calls.
    """
    own = [call for call in calls if call.method == method]
    cut, texts = sum(call.cut for call in own), sum(call.requests for call in own)
    if cut <= _MANY * texts:
        return []
    return [
        f"{method} read only the beginning of {cut} of {texts} texts, which are too long for it: long_passages reads "
        "them in parts, the smaller its split the shorter."
    ]
