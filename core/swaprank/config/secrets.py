"""Which options hold secrets, and a config without them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import cache
from typing import Any, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from . import registry
from .environment import is_reference


def without_secrets(config: Any) -> Any:
    """A copy of a config without literal secrets; references to the environment stay, for they tell nothing.

    Of a secret mapping (``headers``, ``extra_body``) also numbers, switches and nulls stay.
    """
    if isinstance(config, Mapping):
        return {key: _without(value) if key == "backend" else without_secrets(value) for key, value in config.items()}
    if isinstance(config, list | tuple):
        return [without_secrets(item) for item in config]
    return copy.deepcopy(config)


@cache
def secret_options() -> frozenset[str]:
    """Names of the options that hold a secret in any backend: a `SecretStr`, or what its class does not print."""
    fields = (
        field for name in registry.names("backend") for field in registry.backend(name).Options.model_fields.items()
    )
    return frozenset(name for name, field in fields if _is_secret(field))


def _is_secret(field: FieldInfo) -> bool:
    return not field.repr or SecretStr in (field.annotation, *get_args(field.annotation))


def _without(backend: Any) -> Any:
    """The ``backend:`` part of a config."""
    if not isinstance(backend, Mapping):
        return backend
    return {
        key: _harmless(value) if key in secret_options() else copy.deepcopy(value)
        for key, value in backend.items()
        if key not in secret_options() or _has_harmless(value)
    }


def _harmless(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _harmless(item) for key, item in value.items() if _has_harmless(item)}
    return [_harmless(item) for item in value if _has_harmless(item)] if isinstance(value, list | tuple) else value


def _has_harmless(value: Any) -> bool:
    return is_reference(value) or not isinstance(value, str | bytes | SecretStr)
