"""What a server is started with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ConfigError

KEYS_VARIABLE = "SWAPRANK_API_KEYS"
# A config file, the name of a recipe, or a config.
ModelSource = Path | str | Mapping[str, Any]


@dataclass(frozen=True)
class ServerOptions:
    """The rerankers of a server and its limits. A worker process gets it pickled.

    Attributes:
        models: From the name that clients say under ``model`` to its config file, recipe or config. The first one
            answers requests that name none.
        keys: The keys of which a request must bring one as ``Authorization: Bearer <key>``; none are needed where
            there are none.
        max_body: The most bytes of a request.
        max_passages: The most passages of a request.
        max_waiting: How many requests may be in progress in one worker; more are answered with 429.
        timeout: Seconds until the body of a request must be there (else 408), and its answer then (else 504).
        warm_up: Whether the models are loaded before the first request is taken.
        watch: Seconds between two looks at the config files for changes; 0 never looks.
        last_good: The folder in which workers keep the configs that work, for those that replace them.
    """

    models: Mapping[str, ModelSource]
    keys: tuple[str, ...] = field(default=(), repr=False)
    max_body: int = 10 * 2**20
    max_passages: int = 1000
    max_waiting: int = 256
    timeout: float = 60.0
    warm_up: bool = True
    watch: float = 1.0
    last_good: Path | None = None


def named_models(configs: list[str], rerankers: list[str]) -> dict[str, ModelSource]:
    """What ``--config`` and ``--reranker`` name, by the names that clients use.

    Args:
        configs: Each is ``FILE``, served under its name without suffix, or ``NAME=FILE``.
        rerankers: Each is ``RECIPE`` or ``NAME=RECIPE``.

    Raises:
        ConfigError: Two have the same name.
    """
    named: dict[str, ModelSource] = {}
    given: list[tuple[str, Path | str]] = []
    for text in configs:
        name, file = _name(text)
        given.append((name or Path(file).stem, Path(file)))
    for text in rerankers:
        name, recipe = _name(text)
        given.append((name or recipe, recipe))
    for name, source in given or [("embedded", "embedded")]:
        if name in named:
            raise ConfigError(f"Two rerankers are called {name!r}.", hint="Name one of them: NAME=FILE.")
        named[name] = source
    return named


def read_keys(file: Path | None) -> tuple[str, ...]:
    """The keys of a file, one in each line, and those in the environment's ``SWAPRANK_API_KEYS``, between commas.

    Raises:
        ConfigError: The file cannot be read, or holds no key or one that no header can carry.
    """
    keys = [key.strip() for key in os.environ.get(KEYS_VARIABLE, "").split(",")]
    if file is not None:
        try:
            lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            hint = "Give a text file with one key in each line."
            raise ConfigError(f"The key file {str(file)!r} cannot be read: {why}.", hint=hint) from None
        if not any(lines):
            raise ConfigError(f"The key file {str(file)!r} holds no key.", hint="Write one key in each line.")
        keys += lines
    found = tuple(key for key in keys if key)
    if not all(key.isascii() and key.isprintable() and " " not in key for key in found):
        raise ConfigError("A key holds a character that no header can carry (it is not shown).")
    return found


def _name(text: str) -> tuple[str, str]:
    """``NAME=VALUE`` taken apart; the name is empty where there is none."""
    name, separator, value = text.partition("=")
    return (name, value) if separator and name and value else ("", text)
