"""A config from wherever a user has it: a mapping, a file, the name of a recipe or of a model."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import files
from .data import Config, check_data
from .given import wrong_source
from .kinds import STAGE_KEYS
from .model_files import is_model

Source = str | os.PathLike[str] | Mapping[str, Any] | None

DEFAULT_RECIPE = "embedded"
_FILES = (".yaml", ".yml", ".json")


def load(source: Source, options: Mapping[str, Any] | None = None) -> Config:
    """A config as a fresh dict.

    Args:
        source: A mapping, the path of a YAML or JSON file, the name of a recipe or of a method that
            needs no model, a model (hub id or folder), or None for the embedded default. A mapping, or a file, that
            holds nothing but limits, such as ``{"top_n": 3}``, is about the embedded default, too.
        options: Keys that are added to it, in place of those that it has.

    Raises:
        ConfigError: It is none of these, or there is no such file, or it does not hold a mapping of plain data.
    """
    config = {**_read(source), **(options or {})}
    # One that names no reranker, but limits its result.
    return {"reranker": DEFAULT_RECIPE, **config} if config and config.keys() <= STAGE_KEYS else config


def _read(source: Source) -> Config:
    if source is None:
        return {"reranker": DEFAULT_RECIPE}
    if isinstance(source, Mapping):
        check_data(source, "config")
        return copy.deepcopy(dict(source))
    if not isinstance(source, str | os.PathLike):
        raise wrong_source(source)
    path = Path(source)
    if path.suffix.lower() in _FILES and not path.is_dir():
        return files.read(path)
    if not isinstance(source, str):
        return {"model": str(path)} if path.is_dir() else files.read(path)
    return {"model": source} if is_model(source) else {"reranker": source}
