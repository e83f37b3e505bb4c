"""Where sentences end, in the scripts of most languages.

A rule of our own: NLTK's punkt needs a download, pySBD is slow on long texts and no longer kept, and ICU is a compiled
dependency. A chunk does not suffer where a rare abbreviation ends a sentence too early, for chunks are made of many.
"""

from __future__ import annotations

import re

# What may stand between a mark and the blank after it.
_CLOSING = r"[\"'”’»)\]」』）】]*"
_END = re.compile(
    rf"""
    (?P<full>[。！？｡]+{_CLOSING})                                # Chinese, Japanese: no blank follows
    | (?P<mark>[.!?…؟۔।॥։።፧]+)(?P<closing>{_CLOSING})(?=\s|$)    # Latin, Arabic, Urdu, Hindi, Armenian, Amharic
    | (?P<blank>\n[^\S\n]*\n\s*)                                  # an empty line
    | (?P<line>\n)
    """,
    re.VERBOSE,
)
# A full stop after these ends no sentence; nor does one after a single letter, as in "J. Smith".
_TITLES = {
    "dr",
    "mr",
    "mrs",
    "ms",
    "prof",
    "rev",
    "gen",
    "gov",
    "hon",
    "rep",
    "sen",
    "st",
    "e.g",
    "i.e",
    "vs",
    "cf",
}
# Nor after these, before a figure.
_NUMBERED = {"art", "ca", "ch", "eq", "fig", "figs", "no", "nos", "nr", "op", "p", "pp", "sec", "vol", "approx"}
_LAST_WORD = re.compile(r"[^\W\d_][\w.]*$")
_LIST_ITEM = re.compile(r"[^\S\n]*(?:[-*+•‣◦▪–—#|]|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)])[^\S\n]+")
# A line that is shorter than this was not broken to fit a width: it is a heading, or an item of a list.
_SHORT_LINE = 50


def sentences(text: str) -> list[tuple[int, int]]:
    """The sentences of a text as spans without white space around them; lines of lists and headings are some, too.

    Example:
        >>> text = "Tea is hot. Is it? 茶很热。是吗？"
        >>> [text[start:end] for start, end in sentences(text)]
        ['Tea is hot.', 'Is it?', '茶很热。', '是吗？']
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for match in _END.finditer(text):
        if match["line"] is not None and not _breaks(text, start, match.start()):
            continue
        if match["mark"] is not None and _goes_on(text, start, match):
            continue
        _add(spans, text, start, match.end())
        start = match.end()
    _add(spans, text, start, len(text))
    return spans


def _add(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    part = text[start:end]
    inner = part.strip()
    if inner:
        first = start + len(part) - len(part.lstrip())
        spans.append((first, first + len(inner)))


def _breaks(text: str, start: int, line_end: int) -> bool:
    """Whether the end of a line that no mark ends is the end of a sentence: not where text was broken to a width."""
    line_start = max(start, text.rfind("\n", 0, line_end) + 1)
    return line_end - line_start < _SHORT_LINE or _LIST_ITEM.match(text, line_end + 1) is not None


def _goes_on(text: str, start: int, match: re.Match[str]) -> bool:
    """Whether the sentence goes on after its mark: after an abbreviation, an initial, or before a small letter."""
    mark = match["mark"]
    following = text[match.end() : match.end() + 40].lstrip()[:1]
    if mark in (".", "...", "…") and following.islower():
        return True
    if mark != ".":
        return False
    word = _LAST_WORD.search(text, max(start, match.start() - 12), match.start())
    if word is None:
        # "1." at the beginning of an item.
        return text[start : match.start()].strip().isdigit() and bool(following)
    name = word[0].lower()
    if name in _TITLES or (name in _NUMBERED and following.isdigit()):
        return True
    return len(name) == 1 and name.isascii() and word[0].isupper() and bool(following)
