"""What prompts do to the text of a passage before they show it: titles, mending, cuts, neutralised identifiers."""

from __future__ import annotations

import re

from ..types import Passage, readable

BRACKETED_NUMBER = re.compile(r"\[(\d+)\]")


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


def unbracketed(text: str, identifier: re.Pattern[str] = BRACKETED_NUMBER) -> str:
    """``[12]`` made ``(12)``, so that a text cannot pose as an identifier."""
    return identifier.sub(r"(\1)", text)
