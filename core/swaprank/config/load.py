"""The config a user swaps: loading, recipes, the keys that are allowed where, and secrets.

A config is one of four things, told apart by its main key:

- ``{method: ..., model: ...}`` or ``{reranker: <recipe>}``: one reranker;
- ``{fusion: <rule>, of: [...]}``: several score lists fused;
- ``{decomposition: <rule>, model: <llm>, rerank: ...}``: the question split into parts first;
- ``{stages: [...]}``: a cascade of those above.

`build.py` makes objects of it.
"""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from ..errors import ConfigError, nearest
from . import recipe, registry

Config = dict[str, Any]
Source = str | os.PathLike[str] | Mapping[str, Any] | None

DEFAULT_RECIPE = "embedded"
MAIN_KEYS = ("method", "fusion", "decomposition", "stages")
_FILES = (".yaml", ".yml", ".json")


def load(source: Source) -> Config:
    """A config as a fresh dict.

    Args:
        source: A mapping, the path of a YAML or JSON file, the name of a recipe or of a method that
            needs no model, or None for the embedded default.

    Raises:
        ConfigError: No such file or recipe, or the file does not hold a mapping.
    """
    if source is None:
        return {"reranker": DEFAULT_RECIPE}
    if isinstance(source, Mapping):
        return copy.deepcopy(dict(source))
    path = Path(source)
    if not isinstance(source, str) or path.suffix.lower() in _FILES:
        return _read(path)
    return {"reranker": source}


def _read(path: Path) -> Config:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"The config file {str(path)!r} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise ConfigError(f"The config file {str(path)!r} is no text in UTF-8: {error}.") from error
    try:
        found = json.loads(text) if path.suffix.lower() == ".json" else yaml.safe_load(text)
        json.dumps(found, default=str)  # an alias of YAML can hold itself, and would be followed for ever
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise ConfigError(f"The config file {str(path)!r} does not parse: {error}.") from error
    if not isinstance(found, dict):
        raise ConfigError(
            f"The config file {str(path)!r} holds a {type(found).__name__}, not a mapping.",
            hint="Start it with a key, such as 'reranker: ms-marco-minilm-l6'.",
        )
    return found


def expand(config: Mapping[str, Any]) -> Config:
    """Replace ``reranker: <recipe>`` by what the recipe says; keys beside it override the recipe's."""
    named = config.get("reranker")
    if named is None:
        return dict(config)
    overrides = {key: value for key, value in config.items() if key != "reranker"}
    if isinstance(named, Mapping):
        base = expand(named)
        if not base.keys() & set(MAIN_KEYS):
            raise ConfigError(f"reranker: holds a mapping without {', '.join(MAIN_KEYS)}.", hint="Give one of them.")
    elif not isinstance(named, str):
        raise ConfigError(f"reranker: {named!r} is neither the name of a recipe nor a mapping.")
    elif named not in recipe.all_recipes() and named in registry.names("method"):
        base = {"method": named}
    else:
        base = expand(recipe.get(named).config)
    if "method" in base and overrides.get("method", base["method"]) != base["method"]:
        raise ConfigError(
            f"reranker: {named!r} is of the method {base['method']!r}; {overrides['method']!r} cannot override it.",
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
    """``backend: vllm`` is short for ``backend: {type: vllm}``."""
    if isinstance(backend, str):
        return {"type": backend}
    if isinstance(backend, Mapping):
        return dict(backend)
    raise ConfigError(
        f"backend: {backend!r} is neither a name nor a mapping.", hint="Write: backend: {type: transformers}"
    )


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
        raise ConfigError(f"{where} has no option {key!r}.", hint=nearest(str(key), names))


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
        raise ConfigError(f"{where} holds what is no plain data: {error}.", hint="A date needs quotes.") from error
    try:
        return model.model_validate_json(data, strict=strict)
    except ValidationError as error:
        lines = [f"{_place(one['loc'])}{one['msg']}{_shown(one)}" for one in error.errors()]
        raise ConfigError(f"{where}: {'; '.join(lines)}.") from None


def _place(steps: tuple[int | str, ...]) -> str:
    """Where in the options a mistake is; nothing if it is in several of them together."""
    return f"{'.'.join(map(str, steps))}: " if steps else ""


def _shown(error: ErrorDetails) -> str:
    """The wrong value, unless it is a secret, holds one, or is all options together."""
    if error["type"] == "missing" or not error["loc"] or _secret_options() & set(error["loc"]):
        return ""
    value = repr(error["input"])
    if "://" in value:
        value = re.sub(r"(?<=://)[^/]*@|[?#].*", "***", value)
    return f" (got {value[:80]})"


def from_environment(values: Mapping[str, Any], where: str) -> Config:
    """Replace values of the form ``${NAME}`` by environment variables.

    Raises:
        ConfigError: The variable is not set.
    """
    result = dict(values)
    for key, value in values.items():
        if isinstance(value, Mapping):
            result[key] = from_environment(value, f"{where}.{key}")
        elif isinstance(value, str) and value.startswith("${") and value.endswith("}"):
            name = value[2:-1]
            if name not in os.environ:
                raise ConfigError(f"{where}.{key} reads the environment variable {name!r}, which is not set.")
            result[key] = os.environ[name]
    return result


def without_secrets(config: Any) -> Any:
    """A copy of a config without literal secrets; ``${NAME}`` references stay, for they tell nothing."""
    if isinstance(config, Mapping):
        return {
            key: _backend_without_secrets(value) if key == "backend" else without_secrets(value)
            for key, value in config.items()
        }
    if isinstance(config, list | tuple):
        return [without_secrets(item) for item in config]
    return copy.deepcopy(config)


def _backend_without_secrets(backend: Any) -> Any:
    if not isinstance(backend, Mapping):
        return backend
    return {
        key: _references(value) if key in _secret_options() and isinstance(value, Mapping) else copy.deepcopy(value)
        for key, value in backend.items()
        if key not in _secret_options() or isinstance(value, Mapping) or str(value).startswith("${")
    }


def _references(secrets: Mapping[str, Any]) -> Config:
    """Of several secrets those that the environment holds."""
    return {key: value for key, value in secrets.items() if str(value).startswith("${")}


@cache
def _secret_options() -> frozenset[str]:
    """Names of the options that hold a secret in any backend."""
    fields = (
        field for name in registry.names("backend") for field in registry.backend(name).Options.model_fields.items()
    )
    return frozenset(name for name, field in fields if SecretStr in (field.annotation, *get_args(field.annotation)))
