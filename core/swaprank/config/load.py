"""A config from wherever a user has it: a mapping, a file, the name of a recipe."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..masking import shown
from . import files
from .data import Config, check_data

Source = str | os.PathLike[str] | Mapping[str, Any] | None

DEFAULT_RECIPE = "embedded"
_FILES = (".yaml", ".yml", ".json")


def load(source: Source) -> Config:
    """A config as a fresh dict.

    Args:
        source: A mapping, the path of a YAML or JSON file, the name of a recipe or of a method that
            needs no model, or None for the embedded default.

    Raises:
        ConfigError: It is none of these, or there is no such file, or it does not hold a mapping of plain data.
    """
    if source is None:
        return {"reranker": DEFAULT_RECIPE}
    if isinstance(source, Mapping):
        check_data(source, "config")
        return copy.deepcopy(dict(source))
    if not isinstance(source, str | os.PathLike):
        raise ConfigError(f"The config is {shown(source)}.", hint="Give a mapping, the path of a file or a name.")
    path = Path(source)
    if not isinstance(source, str) or path.suffix.lower() in _FILES:
        return files.read(path)
    return {"reranker": source}
