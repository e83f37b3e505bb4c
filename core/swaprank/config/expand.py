"""What a config says once the recipes that it names are written out."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigError
from ..masking import shown
from . import recipe, registry
from .data import Config
from .detect import config_of_model
from .environment import from_environment
from .kinds import COMPOSITES, MAIN_KEYS
from .model_files import is_model

# The keys that hold rerankers.
_PARTS = frozenset(key for kind in COMPOSITES.values() for key in kind.nested)


def expand(config: Mapping[str, Any]) -> Config:
    """Replace ``reranker: <recipe>`` by what the recipe says, and find the method of a model that stands alone.

    Keys beside ``reranker`` or ``model`` override what is found. A recipe's name may also be a model's.

    Raises:
        ConfigError: There is no such recipe, it cannot be overridden so, or the model fits no or several methods.
    """
    named = config.get("reranker")
    if named is None:
        alone = isinstance(config.get("model"), str) and not config.keys() & set(MAIN_KEYS)
        return merged(_of_model(config["model"], config), config) if alone else dict(config)
    overrides = {key: value for key, value in config.items() if key != "reranker"}
    if isinstance(named, Mapping):
        base = expand(named)
        if not base.keys() & set(MAIN_KEYS):
            raise ConfigError(f"reranker: holds a mapping without {', '.join(MAIN_KEYS)}.", hint="Give one of them.")
    elif not isinstance(named, str):
        raise ConfigError(f"reranker: {shown(named)} is neither the name of a recipe nor a mapping.")
    elif named not in recipe.all_recipes() and named in registry.names("method"):
        base = {"method": named}
    elif is_model(named):
        base = _of_model(named, overrides)
    else:
        base = expand(recipe.get(named).config)
    if "method" in base and overrides.get("method", base["method"]) != base["method"]:
        raise ConfigError(
            f"reranker: {shown(named)} is of the method {shown(base['method'])}; "
            f"{shown(overrides['method'])} cannot override it.",
            hint="Give the method and its model without 'reranker:'.",
        )
    return merged(base, overrides)


def _of_model(model: str, config: Mapping[str, Any]) -> Config:
    """The config of a model that stands without a method; what the config says about the hub is kept to."""
    backend = backend_config(config.get("backend", {}))
    kind = backend.get("type")
    remote = kind is not None and not {"cache_dir", "download_dir"} & registry.backend(kind).Options.model_fields.keys()
    return config_of_model(model, None if remote else from_environment(backend, "config.backend"))


def merged(base: Mapping[str, Any], overrides: Mapping[str, Any]) -> Config:
    """The overrides on top of the base; options of the same kind of backend are merged key by key.

    A map to relevance is of the parts that it was fitted with: other parts leave it out.
    """
    result = {**copy.deepcopy(dict(base)), **overrides}
    if _PARTS & overrides.keys() and "relevance" not in overrides:
        result.pop("relevance", None)
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
