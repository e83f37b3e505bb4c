"""Reading sub-questions out of what an LLM wrote: lists, lines and JSON, with whatever stands around them."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_THOUGHT = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL | re.IGNORECASE)
_FENCE = "```"
_LANGUAGE = re.compile(r"\w*\s*")
_TRAILING_COMMA = re.compile(r",(\s*[\]}])")
_ITEM = re.compile(r"^\**(?:[-•‣–—·+]|\*(?!\*)|\(?\d{1,3}[.):\]](?!\d))\**\s*(?=\S)")
_LABEL = re.compile(r"^(?:sub[-\s]?)?(?:question|query)\s*\d*\s*[:.)]\s*", re.IGNORECASE)
_AROUND = "*`\"'“”«»„‘’ \t"
_ASKS = ("?", "？", "؟")
# How statements, headings and greetings end.
_TELLS = (".", ":", "!", "…", "。", "：", "！", ";")
# What the prompt asks for where there is nothing to split.
_NOTHING = "none"


@dataclass(frozen=True, slots=True)
class Parsed:
    """What was read.

    Attributes:
        questions: The sub-questions, in their order; none for a question that needs no splitting.
        malformed: Whether the text was neither a list of questions nor a word that there are none.
    """

    questions: tuple[str, ...]
    malformed: bool


def parse(text: str, question: str, limit: int) -> Parsed:
    """Read sub-questions.

    A JSON list counts first, then lines with a bullet or a number, then lines that end in a question mark, then lines
    that do not read as remarks. Thoughts, numbering, quotes, duplicates and copies of the question are dropped; an
    unclosed thought takes the rest with it.

    Args:
        text: What the LLM wrote.
        question: The question that was split.
        limit: Most sub-questions.
    """
    text = _THOUGHT.sub("", text).strip()
    listed = _from_json(text)
    candidates = [_bare(one) for one in (_from_lines(text) if listed is None else listed)]
    seen = {"", _key(question)}
    questions: list[str] = []
    for one in candidates:
        if _key(one) not in seen:
            seen.add(_key(one))
            questions.append(one)
    nothing = listed == [] or _key(text) == _NOTHING or any(_key(one) == _NOTHING for one in candidates)
    questions = [one for one in questions if _key(one) != _NOTHING]
    return Parsed(tuple(questions[:limit]), malformed=not questions and not nothing and not any(candidates))


def _from_json(text: str) -> list[str] | None:
    """The questions of a JSON list, in a fence or bare; None where there is no such list."""
    for found in [*_fenced(text), *_brackets(text)]:
        try:
            value = json.loads(_TRAILING_COMMA.sub(r"\1", found))
            questions = list(_questions(value))
        except (ValueError, RecursionError):
            continue
        if questions or value == [] or (isinstance(value, dict) and [] in value.values()):
            return questions
    return None


def _fenced(text: str) -> list[str]:
    """What stands between pairs of code fences, without the name of its language."""
    # Of the pieces between fences every second one is inside; the last piece has no fence after it.
    inside = text.split(_FENCE)[1:-1:2]
    return [_LANGUAGE.sub("", piece, count=1) for piece in inside]


def _brackets(text: str) -> Iterator[str]:
    """From the first opening to the last closing bracket, of either kind; the kind that opens first, first."""
    for opening, closing in sorted([("[", "]"), ("{", "}")], key=lambda pair: text.find(pair[0])):
        start, end = text.find(opening), text.rfind(closing)
        if 0 <= start < end:
            yield text[start : end + 1]


def _questions(value: Any, key: str = "question") -> Iterator[str]:
    """The strings of lists, and of the keys that hold "question" or "query"."""
    if isinstance(value, str):
        if "question" in key.casefold() or "query" in key.casefold():
            yield value
    elif isinstance(value, list):
        for one in value:
            yield from _questions(one)
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from _questions(one, str(name))


def _from_lines(text: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines() if line.strip().strip("`")]
    items = [line for line in lines if _ITEM.match(line)]
    if items:
        return [_ITEM.sub("", line) for line in items]
    asking = [line for line in lines if line.rstrip(_AROUND).endswith(_ASKS)]
    if asking:
        return asking
    unmarked = [line for line in lines if not line.rstrip(_AROUND).endswith(_TELLS)]
    # A single line without a question mark is more likely a remark than a list of one.
    return unmarked if len(unmarked) > 1 else []


def _bare(line: str) -> str:
    return _LABEL.sub("", line.strip().strip(_AROUND)).strip(_AROUND)


def _key(text: str) -> str:
    """What two copies of a question have in common."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join("".join(" " if unicodedata.category(one)[0] in "PS" else one for one in folded).split())
