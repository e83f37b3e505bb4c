"""What a model's reply says about an order: any text becomes a full permutation, with a count of the repairs.

One contract for every listwise method, whatever its reply looks like: identifiers named twice count once,
identifiers that were never given are dropped, those that are missing follow in the order they were shown. No
text raises, and none takes more than linear time.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from .replies import after_thinking

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
_PATTERNS = {"any": _RUN, "prefer": _BRACKETED, "only": _EXACTLY_BRACKETED}
_MOST_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Permutation:
    """An order of all passages that were shown.

    Attributes:
        order: Their places, from 0, best first.
        repairs: Identifiers that were dropped (named before, or never given), plus those that were missing.
    """

    order: list[int]
    repairs: int


@dataclass(frozen=True, slots=True)
class Reader:
    """How the replies of a method are read.

    Attributes:
        identifiers: Numbers, or capital letters from A.
        first: The number of the first passage.
        brackets: ``"any"`` run of digits is an identifier; ``"prefer"`` those in brackets where there are any;
            ``"only"`` those in brackets, without blanks. Letters are read as under ``"prefer"``, and only where
            they stand alone.
        odd_digits: What to do about digits that are no decimals, such as ``²``: ``"skip"`` them,
            ``"normalize"`` them (NFKC), or ``"refuse"`` the reply. Those that cannot be normalised are refused.
        reasoning: ``"drop"`` what is said up to the last ``</think>``, and from a ``<think>`` on that never ends;
            ``"read"`` numbers in there as the ranking too, as some official codes do; ``"closed"`` reads
            them where the thinking never ends.
    """

    identifiers: Literal["numbers", "letters"] = "numbers"
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
        return completed(self._letters(text) if self.identifiers == "letters" else self._numbers(text), n)

    def _letters(self, text: str) -> list[int]:
        found = _BRACKETED_LETTER.findall(text) or _LETTER.findall(text)
        return [ord(letter) - ord("A") for letter in found]

    def _numbers(self, text: str) -> list[int]:
        if self.odd_digits == "normalize":
            text = unicodedata.normalize("NFKC", text)
        runs = _PATTERNS[self.brackets].findall(text)
        if self.brackets == "prefer" and not runs:
            runs = _RUN.findall(text)
        readable = [run for run in runs if run.isdecimal()]
        if len(readable) < len(runs) and self.odd_digits != "skip":
            return []
        return [(int(run) if len(run) <= _MOST_DIGITS else _number(run)) - self.first for run in readable]


def completed(found: Iterable[int], n: int) -> Permutation:
    """Places made a permutation of ``range(n)``: first occurrences in order, then what is missing."""
    order: dict[int, None] = {}
    dropped = 0
    for place in found:
        if 0 <= place < n and place not in order:
            order[place] = None
        else:
            dropped += 1
    missing = [place for place in range(n) if place not in order]
    return Permutation([*order, *missing], dropped + len(missing))


def _number(run: str) -> int:
    """The value of a long run of decimal digits; one too long for any identifier is as good as none."""
    digits = run.lstrip("0")
    return int(digits or "0") if len(digits) <= _MOST_DIGITS else -1
