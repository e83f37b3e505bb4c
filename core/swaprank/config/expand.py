"""What a config says once the recipes that it names are written out."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigError
from ..masking import shown
from . import recipe, registry
from .data import Config
from .kinds import MAIN_KEYS


def expand(config: Mapping[str, Any]) -> Config:
    """Replace ``reranker: <recipe>`` by what the recipe says; keys beside it override the recipe's.

    Raises:
        ConfigError: There is no such recipe, or it cannot be overridden so.
    """
    named = config.get("reranker")
    if named is None:
        return dict(config)
    overrides = {key: value for key, value in config.items() if key != "reranker"}
    if isinstance(named, Mapping):
        base = expand(named)
        if not base.keys() & set(MAIN_KEYS):
            raise ConfigError(f"reranker: holds a mapping without {', '.join(MAIN_KEYS)}.", hint="Give one of them.")
    elif not isinstance(named, str):
        raise ConfigError(f"reranker: {shown(named)} is neither the name of a recipe nor a mapping.")
    elif named not in recipe.all_recipes() and named in registry.names("method"):
        base = {"method": named}
    else:
        base = expand(recipe.get(named).config)
    if "method" in base and overrides.get("method", base["method"]) != base["method"]:
        raise ConfigError(
            f"reranker: {shown(named)} is of the method {shown(base['method'])}; "
            f"{shown(overrides['method'])} cannot override it.",
            hint="Give the method and its model without 'reranker:'.",
        )
    return merged(base, overrides)


def merged(base: Mapping[str, Any], overrides: Mapping[str, Any]) -> Config:
    """The overrides on top of the base; options of the same kind of backend are merged key by key."""
    result = {**copy.deepcopy(dict(base)), **overrides}
    if "backend" in base and "backend" in overrides:
        below, above = backend_config(base["backend"]), backend_config(overrides["backend"])
        if above.get("type", below.get("type")) == below.get("type"):
            result["backend"] = {**below, **above}
    return result


def backend_config(backend: Any) -> Config:
    """``backend: vllm`` is short for ``backend: {type: vllm}``.

    Raises:
        ConfigError: It is neither a name nor a mapping.
    """
    if isinstance(backend, str):
        return {"type": backend}
    if isinstance(backend, Mapping):
        return dict(backend)
    raise ConfigError(
        f"backend: {shown(backend)} is neither a name nor a mapping.", hint="Write: backend: {type: transformers}"
    )
