"""What cannot fit a model is cut before it is tokenised: a passage of 10 MB must not cost seconds and gigabytes."""

from __future__ import annotations

from collections.abc import Callable

# Characters looked at first for each token; ordinary text in most languages holds fewer.
_CHARACTERS = 8
# Tokens beyond the limit: the last tokens of a text that is cut may differ from those of the whole text.
_SLACK = 64
# Characters that are never looked beyond, even where tokenizers drop nearly all of them: a megabyte of blanks may be
# no token at all, and makes regular expressions of tokenizers give up.
_MOST = 1_000_000
_MOST_PER_TOKEN = 64


def beginning(text: str, limit: int, count: Callable[[str], int]) -> str:
    """The first characters of a text, which give its first ``limit`` tokens; the whole text where it may fit.

    Args:
        text: The text.
        limit: Most tokens of it that can be used.
        count: Counts the tokens of a text.

    Returns:
        The text itself, or a beginning of it that has more than ``limit`` tokens, or a beginning of a million
        characters (or of 64 characters for each token, if that is more) that has fewer.
    """
    enough = limit + _SLACK
    most = max(_MOST, _MOST_PER_TOKEN * enough)
    size = _CHARACTERS * enough
    while size < min(len(text), most):
        if count(text[:size]) >= enough:
            return text[:size]
        size *= 4
    return text[:most]
