"""``${NAME}`` in a config stands for an environment variable."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigError
from ..masking import shown
from .data import Config

# As JSON Schema reads it.
REFERENCE = r"^\$\{[^{}]*\}$"
# An authorization scheme may stand before it and nothing else: any other text with a reference in it is a literal.
_REFERENCE = re.compile(r"((?:Bearer|Basic|Token|ApiKey|Api-Key|Key) )?\$\{([^{}]*)\}", re.IGNORECASE)


def is_reference(value: Any) -> bool:
    """Whether a value is ``${NAME}`` or ``Bearer ${NAME}``, and so holds no secret itself."""
    return isinstance(value, str) and _REFERENCE.fullmatch(value) is not None


def from_environment(values: Mapping[str, Any], where: str) -> Config:
    """Replace references by environment variables, at any depth, without the white space around their values.

    Raises:
        ConfigError: A variable is not set, or is not text in UTF-8.
    """
    return {key: _replaced(value, f"{where}.{key}") for key, value in values.items()}


def _replaced(value: Any, where: str) -> Any:
    if isinstance(value, Mapping):
        return from_environment(value, where)
    if isinstance(value, list | tuple):
        return [_replaced(item, f"{where}[{place}]") for place, item in enumerate(value)]
    reference = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
    if reference is None:
        return value
    scheme, name = reference.groups(default="")
    return scheme + _read(name, where)


def _read(name: str, where: str) -> str:
    try:
        found = os.environ[name].strip()
    except (KeyError, ValueError):  # a name with half a surrogate pair cannot be asked for
        raise ConfigError(f"{where} reads the environment variable {shown(name)}, which is not set.") from None
    try:
        found.encode()
    except UnicodeEncodeError:
        raise ConfigError(f"{where}: the environment variable {shown(name)} is not text in UTF-8.") from None
    return found
