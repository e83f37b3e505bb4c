"""Finding methods, strategies and backends by name.

There is no list to keep: the built-in ones are the files of their folder, and other distributions add
theirs by an entry point in the group ``swaprank.methods``, ``swaprank.strategies`` or
``swaprank.backends``. A file is imported when its name is first used.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from ..backend import ConfiguredBackend
from ..errors import ConfigError, nearest, nearest_of_many
from ..masking import shown
from ..method import Method
from ..strategy import Strategy


def method(name: Any) -> type[Method]:
    """The method class of that name.

    Raises:
        ConfigError: No such method.
    """
    return _find(name, "method", Method)


def strategy(name: Any) -> type[Strategy]:
    """The strategy class of that name.

    Raises:
        ConfigError: No such strategy.
    """
    return _find(name, "strategy", Strategy)


def backend(name: Any) -> type[ConfiguredBackend]:
    """The class of the backend of that name.

    Raises:
        ConfigError: No such backend.
    """
    return _find(name, "backend", ConfiguredBackend)  # type: ignore[type-abstract]


def names(what: str) -> list[str]:
    """All names of one kind: ``"method"``, ``"strategy"`` or ``"backend"``; imports none of them."""
    return sorted({*_built_in(what), *_plugins(what)})


MODEL_FREE = ("bm25", "lexical")
"""Methods that a name alone builds, as it does a recipe."""

Kind = TypeVar("Kind")

_ROOT = __package__.rpartition(".")[0]
_FOLDERS = {"method": "methods", "strategy": "strategies", "backend": "backends"}


@cache
def _built_in(what: str) -> tuple[str, ...]:
    package = importlib.import_module(f"{_ROOT}.{_FOLDERS[what]}")
    modules = (module.name for module in pkgutil.iter_modules(package.__path__))
    return tuple(name.replace("_", "-") for name in modules if not name.startswith("_"))


@cache
def _plugins(what: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"swaprank.{_FOLDERS[what]}")}


def _what_there_is(name: str, what: str) -> str:
    """The near names; methods, of which there are many, are also listed by a command."""
    if what == "method":
        return nearest_of_many(name, names(what), listing="swaprank methods")
    return nearest(name, names(what))


def _find(name: Any, what: str, kind: type[Kind]) -> type[Kind]:
    if not isinstance(name, str):
        raise ConfigError(f"The name of a {what} is {shown(name)}.", hint="Give it as text.")
    if name in _built_in(what):
        module = importlib.import_module(f"{_ROOT}.{_FOLDERS[what]}.{name.replace('-', '_')}")
        found: Any = getattr(module, what.upper())
    elif name in _plugins(what):
        found = _plugins(what)[name].load()
    else:
        raise ConfigError(f"There is no {what} {shown(name)}.", hint=_what_there_is(name, what))
    if not (isinstance(found, type) and issubclass(found, kind)):
        raise ConfigError(f"The {what} {name!r} is {found!r}, which is not a subclass of {kind.__name__}.")
    return found
