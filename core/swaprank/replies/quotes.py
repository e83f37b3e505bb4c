"""Quotes in a model's reply: one per passage, each checked to occur in its passage."""

from __future__ import annotations

import re
from collections.abc import Sequence

# A line such as: [3] "leaves are steamed after picking". Anchored, so that each line is read once.
_LINE = re.compile(r"(?:\d{1,4}[.)][ *]*)?\[ *(\d{1,9}) *\][\s*:.-]*(\S.*)")
_MARKS = "\"'“”„«»‘’`*_ \t"
# What models write where there is nothing to quote.
_NOTHING = {"", "none", "n/a", "na", "nothing", "null", "-", "no quote"}
# Another identifier first means that the line is a ranking, as in [2] > [1].
_RANKING = re.compile(r"^[>,=\s]*\[?\s*\d+\s*\]?\s*(?:[>,=]|$)")


def split_quotes(text: str) -> tuple[dict[int, str], str]:
    """The lines that begin with one identifier, by its number in their order, and the other lines.

    Args:
        text: The reply, without thoughts.

    Returns:
        What follows the first mention of each number, without quotation marks; and the other lines.
    """
    quotes: dict[int, str] = {}
    rest = []
    for line in text.splitlines():
        found = _LINE.match(line.lstrip(" \t*>-"))
        if found and not _RANKING.match(found[2]):
            quotes.setdefault(int(found[1]), found[2].strip(_MARKS))
        else:
            rest.append(line)
    return quotes, "\n".join(rest)


def occurring(quote: str, passage: str) -> str | None:
    """The quote as the passage has it, white space and case aside; None where it does not occur there.

    A quote that leaves words out by ``...`` occurs where its longest part does, which is what is returned.
    """
    part = max(re.split(r"\.{3,}|…", quote), key=len).strip(_MARKS)
    words = part.split()
    if not words:
        return None
    found = re.search(r"\s+".join(map(re.escape, words)), passage, flags=re.IGNORECASE)
    return found[0] if found else None


def ranked_quotes(text: str, passages: Sequence[str]) -> tuple[list[str | None], str]:
    """What a reply quotes of each passage, and what it says of their order.

    Args:
        text: The reply, without thoughts: a line with an identifier and a quote for each passage, best first, or such
            lines and a ranking.
        passages: The passages, numbered from 1 in the reply.

    Returns:
        One quote per passage, None where the reply has none that occurs in it; and the ranking that the reply writes,
        else the order of its lines.
    """
    given, rest = split_quotes(text)
    quotes = [
        occurring(given[number], passage) if given.get(number, "").lower() not in _NOTHING else None
        for number, passage in enumerate(passages, start=1)
    ]
    return quotes, rest if "[" in rest else " > ".join(f"[{number}]" for number in given)
