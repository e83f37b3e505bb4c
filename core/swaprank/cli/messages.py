"""What the command says on standard error and in tables: one line each, and nothing that steers a terminal."""

from __future__ import annotations

import logging
import unicodedata

from rich.console import Console

# Marks, embeddings, overrides and isolates, which turn the direction of the text behind them.
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_STEERING = ("Cc", "Cs", "Zl", "Zp")


def complain(message: str, *, about: str = "Error") -> None:
    """Say on standard error, in one line, what went wrong."""
    line = printable(" ".join(f"{about}: {message}".split()))
    Console(stderr=True, soft_wrap=True).print(line, style="red", markup=False, highlight=False)


def printable(text: str, keep: str = "") -> str:
    """A text with control characters as Python escapes them; letters and joiners of all scripts stay.

    Args:
        text: Whatever a file or a server says.
        keep: Control characters that stay, such as line ends.
    """
    return "".join(one if one in keep or not _steers(one) else ascii(one)[1:-1] for one in text)


def log_to_terminal() -> None:
    """Show the log's warnings, which may quote servers and files, as `complain` shows errors."""
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)  # some libraries let their loggers say more
    handler.setFormatter(_Printable())
    logging.basicConfig(handlers=[handler])


class _Printable(logging.Formatter):
    """The message alone, escaped."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record), keep="\n")


def _steers(character: str) -> bool:
    return character in _DIRECTIONS or unicodedata.category(character) in _STEERING
