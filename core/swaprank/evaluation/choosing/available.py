"""The recipes that this machine can run as it is: their packages are installed and their weights are here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ...config import recipe, registry
from ...config.expand import expand
from ...config.recipe import Recipe
from .recommend import parameters, writes_text

# On a CPU; with a GPU all are tried.
_MOST_ON_CPU = 6e8
_PACKAGE = "package:"


def available_recipes() -> list[str]:
    """Names of recipes, and of methods that need no model; nothing is downloaded or loaded to find out."""
    gpu = _has_gpu()
    fitting = {
        name: one
        for name, one in recipe.all_recipes().items()
        if not one.service and (gpu or (parameters(one) <= _MOST_ON_CPU and not writes_text(one)))
    }
    return [*registry.MODEL_FREE, *(name for name, one in fitting.items() if _is_here(one))]


def _is_here(one: Recipe) -> bool:
    return all(map(_has_weights, _models(expand(one.config))))


def _models(config: Any) -> Iterator[str]:
    """The models that a config names, at any depth."""
    if isinstance(config, Mapping):
        for key, value in config.items():
            if key == "model" and isinstance(value, str):
                yield value
            elif key == "reranker" and isinstance(value, str) and value in recipe.all_recipes():
                yield from _models(expand(recipe.get(value).config))
            else:
                yield from _models(value)
    elif isinstance(config, list):
        for value in config:
            yield from (
                _models(recipe.get(value).config if value in recipe.all_recipes() else value)
                if isinstance(value, str)
                else _models(value)
            )


def _has_weights(model: str) -> bool:
    if model.startswith(_PACKAGE):
        return find_spec("torch") is not None and find_spec(model.removeprefix(_PACKAGE).partition("/")[0]) is not None
    if Path(model).is_dir():
        return find_spec("torch") is not None
    if find_spec("torch") is None or find_spec("huggingface_hub") is None:
        return False
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(model, "config.json"), str)


def _has_gpu() -> bool:
    if find_spec("torch") is None:
        return False
    import torch

    return bool(torch.cuda.is_available())
