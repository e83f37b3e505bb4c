"""What a header may be called, and what it can carry."""

from __future__ import annotations

import re

from pydantic import SecretStr

# What a header may be called (RFC 9110).
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def sendable(value: SecretStr, what: str) -> SecretStr:
    """A secret without the white space around it, such as the line end of a mounted file.

    Raises:
        ValueError: A header cannot carry it; the message does not show it.
    """
    text = value.get_secret_value().strip()
    if not text:
        raise ValueError(f"{what} is empty")
    if not text.isascii() or not text.isprintable():
        raise ValueError(f"{what} holds a line end or another character that no header can carry (it is not shown)")
    return SecretStr(text)
