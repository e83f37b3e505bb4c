"""What follows from a recipe, for whoever chooses one: memory, commercial use, the backends that can serve it."""

from __future__ import annotations

import re
from typing import Any

from . import registry
from .licences import allows_commercial_use
from .recipe import Recipe

UNKNOWN = "unknown"
_SIZE = re.compile(r"([\d.]+)\s*([KMB])", re.IGNORECASE)
_UNITS = {"K": 1e3, "M": 1e6, "B": 1e9}
# Bytes of a parameter in bfloat16.
_BYTES = 2


def facts(entry: Recipe) -> dict[str, Any]:
    """What a user asks before taking a recipe; what is not known is said to be ``"unknown"``.

    Returns:
        ``commercial_use``: whether the licence's name allows it (``"yes"``, ``"no"``, ``"see licence"``).
        ``context_tokens``: the most tokens the model was made for.
        ``memory_bf16``: of the weights alone, in bfloat16; activations come on top.
        ``backends``: the kinds of backend that answer what the method asks, and read the model.
    """
    allowed = True if entry.service else allows_commercial_use(entry.license)
    size = _SIZE.match(entry.parameters)
    twice = 2 if "twice" in entry.parameters else 1
    return {
        "commercial_use": "see licence" if allowed is None else "yes" if allowed else "no",
        "context_tokens": entry.context or UNKNOWN,
        "memory_bf16": _readable(twice * float(size[1]) * _UNITS[size[2].upper()] * _BYTES) if size else UNKNOWN,
        "backends": _backends(entry),
    }


def _readable(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _backends(entry: Recipe) -> list[str] | str:
    name = entry.config.get("method")
    if entry.service:
        return ["http"]
    if entry.backends:
        return entry.backends
    if name is None:
        return UNKNOWN
    needs = registry.method(name).needs
    return [one for one in registry.names("backend") if needs <= registry.backend(one).Options.capabilities] or UNKNOWN
