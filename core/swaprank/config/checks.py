"""Checking keys and values, with errors that name the place, the wrong value and the right key."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ..errors import ConfigError, nearest
from ..masking import masked, shown
from .secrets import secret_options

# What rerankers of the frameworks call these keys.
_ELSEWHERE = {
    "model_name": "'model'",
    "model_id": "'model'",
    "model_name_or_path": "'model'",
    "batch_size": "'batch_tokens' under 'backend'",
}


def check_keys(config: Mapping[str, Any], known: Iterable[str], where: str, elsewhere: Mapping[str, str]) -> None:
    """Refuse unknown keys.

    Args:
        config: The mapping to check.
        known: Allowed keys.
        where: What the mapping is, for the message.
        elsewhere: Keys that belong to another place, and that place.

    Raises:
        ConfigError: An unknown key; the message names the nearest right one.
    """
    names = set(known)
    for key in config:
        if key in names:
            continue
        if key in elsewhere:
            raise ConfigError(f"{where} has no option {key!r}.", hint=f"It belongs under {elsewhere[key]}.")
        hint = f"Did you mean {_ELSEWHERE[key]}?" if key in _ELSEWHERE else nearest(str(key), names)
        raise ConfigError(f"{where} has no option {shown(key)}.", hint=hint)


Model = TypeVar("Model", bound=BaseModel)


def validated(model: type[Model], values: Mapping[str, Any], where: str, *, strict: bool = True) -> Model:
    """Validate options, turning pydantic's report into one line per wrong value.

    Args:
        model: What the options are.
        values: The options, as JSON could hold them.
        where: What they belong to, for the message.
        strict: Refuse ``true`` or ``"5"`` where a number is meant, as the JSON Schema does.

    Raises:
        ConfigError: A value is missing or wrong.
    """
    try:
        data = json.dumps(dict(values))
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"{where} holds what is not plain data: {error}.", hint="A date needs quotes.") from error
    try:
        return model.model_validate_json(data, strict=strict)
    except ValidationError as error:
        lines = [_line(one) for one in error.errors()]
    raise ConfigError(f"{where}: {'; '.join(lines)}.")


def _line(error: ErrorDetails) -> str:
    """One wrong value: its place, what is wrong, and the value, unless it is a secret or all options together."""
    place = ".".join(map(str, error["loc"]))
    value = ""
    if error["type"] != "missing" and error["loc"] and not secret_options() & set(error["loc"]):
        value = f" (got {shown(error['input'])})"
    return f"{f'{place}: ' if place else ''}{masked(error['msg'])}{value}"
