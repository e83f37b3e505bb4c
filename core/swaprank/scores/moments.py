"""Moments and spans of time as metadata and configs write them."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime
from numbers import Real
from typing import Any

DAY = 86_400.0
"""Seconds."""

_UNITS = {"h": 3600.0, "d": DAY, "w": 7 * DAY, "y": 365.25 * DAY}
_SPAN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([hdwy])\s*")
_MONTH = re.compile(r"\d{4}-\d{2}")
# Numbers of this size count milliseconds: as seconds they lie beyond the year 5000.
_MILLISECONDS = 1e11


def seconds_of(span: float | str) -> float:
    """Seconds of a span: a number of days, or text such as ``12h``, ``30d``, ``2w``, ``1y``.

    Raises:
        ValueError: It is neither, or not above 0.
    """
    found = None if not isinstance(span, str) else _SPAN.fullmatch(span)
    seconds = float(found[1]) * _UNITS[found[2]] if found else DAY * span if not isinstance(span, str) else 0.0
    if not 0 < seconds < math.inf:
        raise ValueError(f"{span!r} is no span of time: give days as a number, or text such as 12h, 30d, 2w, 1y")
    return seconds


def moment(value: Any) -> float | None:
    """Seconds since 1970 of a moment; None for what is none.

    Args:
        value: A datetime (UTC where it names no zone), a date, ISO 8601 text of either, ``2024-05`` or a year of four
            digits (their first day), or a timestamp in seconds or milliseconds, also as text.
    """
    try:
        return _moment(value)
    except (ValueError, OverflowError, OSError):
        return None


def _moment(value: Any) -> float | None:
    if isinstance(value, str):
        return _read(value.strip())
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp()
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    number = float(value)
    if not math.isfinite(number):
        return None
    if 1000 <= number <= 9999 and number == int(number):
        return datetime(int(number), 1, 1, tzinfo=UTC).timestamp()
    return number / 1000 if abs(number) >= _MILLISECONDS else number


def _read(text: str) -> float | None:
    if _MONTH.fullmatch(text):
        return _moment(date.fromisoformat(f"{text}-01"))
    if text.isascii() and text.isdecimal() and len(text) != len("20240501"):
        return _moment(int(text))
    return _moment(datetime.fromisoformat(text))
