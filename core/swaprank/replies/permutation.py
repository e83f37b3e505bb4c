"""What a model's reply says about an order: any text becomes a full permutation, with a count of the repairs.

One contract for every listwise method, whatever its reply looks like: identifiers named twice count once,
identifiers that were never given are dropped, those that are missing follow in the order they were shown. No
text raises, and none takes more than linear time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from .parts import after_thinking

# Characters that are digits (str.isdigit) without being decimal (superscripts, circled digits, ...): int()
# refuses them, and official codes that filter by isdigit() crash on them.
_ODD = (
    "²³¹፩-፱᧚⁰⁴-⁹₀-₉①-⑨⑴-⑼⒈-⒐⓪⓵-⓽⓿❶-❾➀-➈➊-➒"
    "\U00010a40-\U00010a43\U00010e60-\U00010e68\U00011052-\U0001105a\U0001f100-\U0001f10a"
)
_RUN = re.compile(rf"[\d{_ODD}]+")
_BRACKETED = re.compile(rf"\[\s*([\d{_ODD}]+)\s*\]")
_EXACTLY_BRACKETED = re.compile(rf"\[([\d{_ODD}]+)\]")
_LETTER = re.compile(r"(?<!\w)([A-Z])(?!\w)")
_BRACKETED_LETTER = re.compile(r"\[\s*([A-Z])\s*\]")
# The same, and faster, where there are no other digits.
_ASCII_RUN = re.compile(r"[0-9]+")
_PATTERNS = {"prefer": _BRACKETED, "only": _EXACTLY_BRACKETED}
_MOST_DIGITS = 9
# What rank_llm takes for digits since 2025 (response_utils.py, Apache-2.0), beside those that are decimal.
_NORMALIZED = str.maketrans(
    "⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉①②③④⑤⑥⑦⑧⑨❶❷❸❹❺❻❼❽❾🄀🄁🄂🄃🄄🄅🄆🄇🄈🄉",
    "01234567890123456789" + "123456789" * 2 + "0123456789",
)


@dataclass(frozen=True, slots=True)
class Permutation:
    """An order of all passages that were shown.

    Attributes:
        order: Their places, from 0, best first.
        repairs: Identifiers that were dropped (named before, or never given), plus those that were missing.
    """

    order: list[int]
    repairs: int


def longest(n: int) -> int:
    """The most tokens that a ranking of ``n`` passages takes: no tokenizer spends more than one per character."""
    return len(" > ".join(f"[{number}]" for number in range(1, n + 1)))


@dataclass(frozen=True, slots=True)
class Reader:
    """How the replies of a method are read.

    Attributes:
        identifiers: Numbers, or capital letters from A. ``"letter-runs"`` reads any run of letters as rank_llm does,
            as the number that its letters' places in the alphabet spell: `B` is 2, and `AB` is 12.
        first: The number of the first passage.
        brackets: ``"any"`` run of digits is an identifier; ``"prefer"`` those in brackets where there are any;
            ``"only"`` those in brackets, without blanks. Letters are read as under ``"prefer"``, and only where
            they stand alone.
        odd_digits: What to do about digits that are not decimals, such as ``²``: ``"skip"`` them, ``"normalize"`` those
            that rank_llm does and refuse the reply for others, or ``"refuse"`` the reply.
        reasoning: ``"drop"`` ignores what stands before the last ``</think>`` and what follows a ``<think>`` that never
            ends; ``"read"`` reads numbers in there as the ranking too, as some official codes do; ``"closed"`` reads
            them only where the thinking never ends.
    """

    identifiers: Literal["numbers", "letters", "letter-runs"] = "numbers"
    first: int = 1
    brackets: Literal["any", "prefer", "only"] = "any"
    odd_digits: Literal["skip", "normalize", "refuse"] = "skip"
    reasoning: Literal["drop", "closed", "read"] = "drop"

    def read(self, text: str, n: int) -> Permutation:
        """The order of ``n`` passages that a reply gives."""
        if self.reasoning == "closed":
            text = text.rpartition("</think>")[2]
        elif self.reasoning == "drop":
            text = after_thinking(text)
        named = self._numbers(text) if self.identifiers == "numbers" else self._letters(text)
        # What is named again need not be read again: replies that repeat themselves can be long.
        return completed(map(self._place, dict.fromkeys(named)), n, len(named))

    def _letters(self, text: str) -> list[str]:
        if self.identifiers == "letter-runs":
            return ["".join(run) for letters, run in groupby(text, str.isalpha) if letters]
        return _BRACKETED_LETTER.findall(text) or _LETTER.findall(text)

    def _numbers(self, text: str) -> list[str]:
        if self.odd_digits == "normalize" and not text.isascii():
            text = text.translate(_NORMALIZED)
        runs = [] if self.brackets == "any" else _PATTERNS[self.brackets].findall(text)
        if not runs and self.brackets != "only":
            runs = (_ASCII_RUN if text.isascii() else _RUN).findall(text)
        if text.isascii() or all(run.isdecimal() for run in dict.fromkeys(runs)):
            return runs
        return [run for run in runs if run.isdecimal()] if self.odd_digits == "skip" else []

    def _place(self, name: str) -> int:
        if self.identifiers == "letters":
            return ord(name) - ord("A")
        if self.identifiers == "letter-runs":
            name = "".join(str(ord(letter) - ord("A") + 1) for letter in name[:_MOST_DIGITS])
        return (int(name) if len(name) <= _MOST_DIGITS else _number(name)) - self.first


def completed(found: Iterable[int], n: int, named: int) -> Permutation:
    """Places made a permutation of ``range(n)``: first occurrences in order, then what is missing.

    Args:
        found: The places that a reply names.
        n: How many there are.
        named: How often it names any, for the count of what was dropped.
    """
    order = dict.fromkeys(place for place in found if 0 <= place < n)
    missing = [place for place in range(n) if place not in order]
    return Permutation([*order, *missing], named - len(order) + len(missing))


def _number(run: str) -> int:
    """The value of a long run of decimal digits; one too long for any identifier is as good as none."""
    digits = run.lstrip("0")
    return int(digits or "0") if len(digits) <= _MOST_DIGITS else -1
