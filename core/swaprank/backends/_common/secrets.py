"""Known secrets, and texts without them."""

from __future__ import annotations

import base64
import json
import re
import traceback
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

from ...masking import printable

_MASK = "***"
# A shorter text is as likely a word as a secret, and masking it everywhere would make messages unreadable.
_SHORTEST = 6
# What may stand before a key in a header.
_SCHEME = re.compile(r"^[A-Za-z-]+ (?=\S+$)")
# user:password@ in an address, such as that of a proxy.
_CREDENTIALS = re.compile(r"(?<=://)[^\s/@]+@")


class Secrets:
    """What no message may repeat, even where a server does.

    Args:
        texts: The secrets: keys, values of headers. Of ``Bearer abc`` only ``abc`` is one.
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        bare = {_SCHEME.sub("", text.strip()) for text in texts}
        spelled = {spelling for text in bare if len(text) >= _SHORTEST for spelling in _spellings(text)}
        # The longest first: a secret may hold another.
        self._texts = sorted(spelled, key=len, reverse=True)

    def masked(self, text: str) -> str:
        """The text with stars in place of secrets, and control characters escaped.

        The text may be the beginning of a longer one, cut within a secret.
        """
        for secret in self._texts:
            text = text.replace(secret, _MASK)
        for secret in self._texts:
            text = _without_cut(text, secret)
        return printable(_CREDENTIALS.sub(f"{_MASK}@", text), keep="\n")

    def cause(self, error: Exception) -> Exception | None:
        """The error where its traceback, with all errors behind it, may be printed; else None."""
        text = "".join(traceback.format_exception(error))
        return error if self.masked(text) == text else None


def texts_in(value: Any) -> list[str]:
    """Every text in nested mappings and lists, keys left out."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    return [text for item in value for text in texts_in(item)] if isinstance(value, list | tuple) else []


def _without_cut(text: str, secret: str) -> str:
    """The text with stars in place of the beginning of a secret that it ends with."""
    for size in range(min(len(secret) - 1, len(text)), _SHORTEST - 1, -1):
        if text.endswith(secret[:size]):
            return text[:-size] + _MASK
    return text


def _spellings(secret: str) -> Iterable[str]:
    """As it is, and as it stands in JSON, in an address and in base64."""
    yield secret
    yield json.dumps(secret)[1:-1]
    yield quote(secret, safe="")
    yield quote_plus(secret)
    yield base64.b64encode(secret.encode()).decode().rstrip("=")
