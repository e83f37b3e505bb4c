"""What the data of a config may be: plain, finite in depth, and text that can be encoded."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from typing import Any

from ..errors import ConfigError

Config = dict[str, Any]

# No config needs more; recursion in Python and in parsers stays far away.
MOST_LEVELS = 64
# Python does not print integers of more than about 14,000.
_MOST_BITS = 2000


def check_data(value: Any, where: str) -> None:
    """Refuse what is not plain data, holds itself, nests too deep or has text that no file and no tokenizer accepts.

    Args:
        value: A config, or a part of one.
        where: What it is, for the message.

    Raises:
        ConfigError: The message says which of these it is.
    """
    _check(value, where, 1, {})


def _check(value: Any, where: str, level: int, checked: dict[int, int]) -> None:
    """Check a value that stands at a level.

    Args:
        value: The value.
        where: What it belongs to.
        level: How many containers it is in, itself included.
        checked: At which level a container has been checked, by its id: one that stands in several places is
            looked at again only where it stands deeper.
    """
    if isinstance(value, str):
        _check_text(value, where)
    if not isinstance(value, Mapping | list | tuple):
        if not isinstance(value, str | int | float | None):
            kind = type(value).__name__
            raise ConfigError(f"{where} holds what is not plain data: a {kind}.", hint=_plain_hint(value))
        _check_size(value, where)
        return
    if checked.get(id(value), 0) >= level:
        return
    if level > MOST_LEVELS:
        raise ConfigError(f"{where} nests more than {MOST_LEVELS} levels deep, or holds itself.", hint="Make it flat.")
    checked[id(value)] = level
    for key in value if isinstance(value, Mapping) else ():
        if isinstance(key, str):
            _check_text(key, where)
        _check_size(key, where)
    for item in value.values() if isinstance(value, Mapping) else value:
        _check(item, where, level + 1, checked)


def _plain_hint(value: Any) -> str:
    """What to write in place of a value that no config file could hold."""
    if isinstance(value, date | time):
        return "A date needs quotes."
    if hasattr(value, "item"):
        return "Give a plain number, as value.item() does."
    return "Give text, numbers, lists and mappings."


def _check_size(value: Any, where: str) -> None:
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise ConfigError(f"{where} has an integer of {value.bit_length()} bits.")


def _check_text(text: str, where: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"{where} has a text with half a surrogate pair, {text[error.start]!a}, at character {error.start + 1}."
        ) from None
