"""What the command says on standard error and in tables: one line each, and nothing that steers a terminal."""

from __future__ import annotations

import logging

from rich.console import Console
from rich.table import Table

from ..masking import printable


def complain(message: str, *, about: str = "Error") -> None:
    """Say on standard error, in one line, what went wrong."""
    line = printable(" ".join(f"{about}: {message}".split()))
    Console(stderr=True, soft_wrap=True).print(line, style="red", markup=False, highlight=False)


def log_to_terminal() -> None:
    """Show the log's warnings, which may quote servers and files, as `complain` shows errors."""
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)  # some libraries let their loggers say more
    handler.setFormatter(_Printable())
    logging.basicConfig(handlers=[handler])


def show_table(table: Table, *, least: int) -> None:
    """Print a table that loses no figure: where a terminal has fewer than ``least`` columns, its lines go on below."""
    Console(highlight=False, width=max(Console().width, least)).print(table)


class _Printable(logging.Formatter):
    """The message alone, escaped."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record), keep="\n")
