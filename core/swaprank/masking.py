"""What a message may show of values, servers and files: no secret, and nothing that steers a terminal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

# Most characters of a value that are shown.
_MOST = 80

_NAMES = r"key|token|secret|passw(?:or)?d|authorization|credentials?|cookie"
# What looks like a secret, and what is shown in its place. Model names, folders and numbers match none of these.
# Repetitions are bounded where the time would grow with the square of a text.
_SECRETS = (
    # What a query or a fragment carries; user:password@ before a host, with or without a scheme.
    (re.compile(r"(://[^\s?#'\"]{0,999}[?#])\S+"), r"\1***"),
    (re.compile(r"(?<=://)\S{0,999}@"), "***@"),
    (re.compile(r"(?<![^\s/:@'\"])[^\s/:@'\"]{1,999}:(?!//)[^\s@]{1,999}@(?=\S)"), "***@"),
    # `Bearer abc`, `api_key: abc`, `token=abc`.
    (re.compile(r"\b((?:Bearer|Basic)\s+)\S+", re.IGNORECASE), r"\1***"),
    (re.compile(rf"((?:{_NAMES})['\"]?\s*[:=]\s*).+", re.IGNORECASE | re.DOTALL), r"\1***"),
    # Keys by their usual beginnings, and long runs in which letters and digits are mixed.
    (re.compile(r"\b(?:sk-|pk_|rk_|hf_|gsk_|ghp_|github_pat_|glpat-|xai-|nvapi-|jina_|AIza)[\w-]{4,}"), "***"),
    (re.compile(r"(?<![A-Za-z0-9])(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{24,}"), "***"),
)
# In a value or a key, not in a sentence: `api_key abc`, where a colon was forgotten.
_WITHOUT_COLON = re.compile(rf"((?:{_NAMES})\s+).+", re.IGNORECASE | re.DOTALL)
# Marks, embeddings, overrides and isolates, which turn the direction of the text after them.
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_STEERING = ("Cc", "Cs", "Zl", "Zp")


def shown(value: Any) -> str:
    """A wrong value as an error message shows it.

    Of a mapping only the keys are shown and of a list only the length, for a secret may be anywhere in them, also
    under a key that is misspelt.

    Args:
        value: Anything that a config may hold.

    Returns:
        About `_MOST` characters at most, for a mapping a few times as many.
    """
    if isinstance(value, Mapping) and value:
        keys = ", ".join(_text(str(key)) for key in list(value)[:5])
        return f"a mapping with {keys}{', ...' if len(value) > 5 else ''}"
    if isinstance(value, list | tuple | set | frozenset) and value:
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, bytes | bytearray):
        return f"{len(value)} bytes"
    return _text(value) if isinstance(value, str) else _cut(_written(value))


def masked(sentence: str) -> str:
    """A message that somebody else wrote, such as a validator's, without what looks like a secret in it."""
    for pattern, mask in _SECRETS:
        sentence = pattern.sub(mask, sentence)
    return sentence


def printable(text: str, keep: str = "") -> str:
    """A text with control characters as Python escapes them; letters and joiners of all scripts stay.

    Args:
        text: Whatever a file or a server says.
        keep: Control characters that stay, such as line ends.
    """
    return "".join(one if one in keep or not _steers(one) else ascii(one)[1:-1] for one in text)


def _text(text: str) -> str:
    # Cut first, so that a very long text costs nothing, but not within a secret that would then be unknown as one.
    return _cut(repr(_WITHOUT_COLON.sub(r"\1***", masked(text[: 100 * _MOST]))))


def _written(value: Any) -> str:
    try:
        return repr(value)
    except Exception:  # an int may be too long to be written, and other objects do as they like
        return f"of type {type(value).__name__}"


def _cut(text: str) -> str:
    return text if len(text) <= _MOST else f"{text[:_MOST]}..."


def _steers(character: str) -> bool:
    return character in _DIRECTIONS or unicodedata.category(character) in _STEERING
