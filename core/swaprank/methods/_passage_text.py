"""What prompts do to the text of a passage before they show it: titles, mending, cuts, neutralised identifiers."""

from __future__ import annotations

import re

from ..types import Passage, readable

_BRACKETED_NUMBER = re.compile(r"\[(\d+)\]")
# The official class for letters; it also holds what stands between Z and a, the brackets among it.
_LETTERS = re.compile(r"[A-z]+")


def titled(passage: Passage) -> str:
    """The text with its title as RankGPT, rank_llm and their descendants write it: ``Title: t Content: x``."""
    return readable(f"Title: {passage.title} Content: {passage.text}" if passage.title else passage.text)


def without_empty_title(text: str) -> str:
    """The text without ``Title: Content: ``, what an empty title leaves in the collections of RankGPT."""
    return text.replace("Title: Content: ", "")


def first_words(text: str, most: int) -> str:
    """The first words, with every white space made one blank."""
    return " ".join(text.split()[:most])


def mended(text: str, *, entities: bool = True) -> str:
    """Mended by ftfy (Apache-2.0), as rank_llm does: mojibake, ligatures, curly quotes.

    Args:
        text: Any text.
        entities: Whether ``&amp;`` becomes ``&`` up to the first line with a ``<``. Where whole prompts are mended,
            the marks of the chat template prevent it.
    """
    from ftfy import fix_text

    return fix_text(text, unescape_html="auto" if entities else False)


def unbracketed(text: str) -> str:
    """``[12]`` made ``(12)``, so that a text cannot pose as an identifier."""
    return _BRACKETED_NUMBER.sub(r"(\1)", text)


def unbracketed_letters(text: str) -> str:
    r"""``[A]`` made ``(A)``: what replacing ``\[([A-z]+)\]`` does, in linear time."""
    return _LETTERS.sub(_outer_brackets_replaced, text)


def _outer_brackets_replaced(run: re.Match[str]) -> str:
    # The pattern is greedy and its class holds both brackets, so that it reaches from the first to the last of a run.
    letters = run[0]
    first, last = letters.find("["), letters.rfind("]")
    if not 0 <= first < last - 1:
        return letters
    return f"{letters[:first]}({letters[first + 1 : last]}){letters[last + 1 :]}"
