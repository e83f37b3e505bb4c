"""What prompts do to texts before they show them."""

from __future__ import annotations

import re
from string import ascii_uppercase

from ..errors import ConfigError
from ..types import Passage, readable

_BRACKETED_NUMBER = re.compile(r"\[(\d+)\]")


def titled(passage: Passage) -> str:
    """The text with its title as RankGPT, rank_llm and their descendants write it: ``Title: t Content: x``."""
    return readable(f"Title: {passage.title} Content: {passage.text}" if passage.title else passage.text)


def without_empty_title(text: str) -> str:
    """The text without ``Title: Content: ``, what an empty title leaves in the collections of RankGPT."""
    return text.replace("Title: Content: ", "")


def words(text: str, most: int) -> str:
    """The first words, with every white space made one blank."""
    return " ".join(text.split()[:most])


def fixed(text: str, *, entities: bool = True) -> str:
    """Mended by ftfy (Apache-2.0), as rank_llm does: mojibake, ligatures, curly quotes.

    Args:
        text: Any text.
        entities: Whether ``&amp;`` becomes ``&`` in a text without ``<``. Where whole prompts are mended, the marks of
            the chat template prevent it.
    """
    from ftfy import fix_text

    return fix_text(text, unescape_html="auto" if entities else False)


def unbracketed(text: str) -> str:
    """``[12]`` made ``(12)``, so that a text cannot pose as an identifier."""
    return _BRACKETED_NUMBER.sub(r"(\1)", text)


def letters(n: int, method: str) -> str:
    """The first ``n`` identifiers of those that are letters.

    Raises:
        ConfigError: There are not that many.
    """
    if n > len(ascii_uppercase):
        raise ConfigError(
            f"{method!r} names passages by {len(ascii_uppercase)} letters, and was given {n} at once.",
            hint="Set a smaller window_size, group_size or num_child.",
        )
    return ascii_uppercase[:n]
