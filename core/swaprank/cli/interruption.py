"""Ctrl-C: one line that says what is kept and how to go on, and the exit code that shells expect."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

from .messages import complain

INTERRUPTED = 130
"""The exit code: 128 and the number of SIGINT."""


@contextmanager
def interruptible(kept: Callable[[], str]) -> Iterator[None]:
    """Turn Ctrl-C inside the block into one line on standard error and exit code 130.

    Args:
        kept: Asked at that moment what has been written and how to go on; one sentence without a full stop.
    """
    try:
        yield
    except KeyboardInterrupt:
        complain(f"{kept()}.", about="Interrupted")
        raise typer.Exit(INTERRUPTED) from None
