"""transformers' report on the tensors that a checkpoint lacks, or holds beyond the network: kept where it is news."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@contextmanager
def expecting(*tensors: str) -> Iterator[None]:
    """Hold back what this thread's loading reports, if it is about expected tensors only.

    A report that names any other tensor, or that cannot be read, is logged as ever.

    Args:
        tensors: How the names of the expected tensors begin.
    """
    thread = threading.get_ident()

    def is_news(record: logging.LogRecord) -> bool:
        named = _named(record.getMessage()) if record.thread == thread else []
        return not named or not all(name.startswith(tensors) for name in named)

    logger = logging.getLogger("transformers.modeling_utils")
    logger.addFilter(is_news)
    try:
        yield
    finally:
        logger.removeFilter(is_news)


def _named(message: str) -> list[str]:
    """The tensors in the table of a report; none if it is no report."""
    head, _, table = _COLOUR.sub("", message).partition("-+-")
    if "LOAD REPORT" not in head:
        return []
    rows = table.partition("\n\n")[0].splitlines()[1:]
    return [row.partition("|")[0].strip() for row in rows if row.strip()]
