"""The backends of a stage, at any depth: what is warmed up, fetched and closed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from ..backend import Backend
from ..capability import Capability
from .method_ranker import MethodRanker
from .stage import Stage

# A ranker that is no method asks its model to write.
_WRITING = frozenset({Capability.TEXT})


def backends(stage: Stage, *, fallbacks: bool) -> list[tuple[Backend, frozenset[Capability]]]:
    """Every backend with what it is asked for, in the order in which they are first asked.

    Args:
        stage: The whole of a reranker.
        fallbacks: Whether those count that are asked only when another has failed.
    """
    found: dict[int, tuple[Backend, frozenset[Capability]]] = {}
    for backend, needs in _backends(stage, fallbacks):
        before = found.get(id(backend), (backend, frozenset()))[1]
        found[id(backend)] = backend, before | needs
    return list(found.values())


def _backends(part: Any, fallbacks: bool) -> Iterator[tuple[Backend, frozenset[Capability]]]:
    if isinstance(part, Mapping):
        part = tuple(part.values())
    if isinstance(part, list | tuple):
        for one in part:
            yield from _backends(one, fallbacks)
    elif dataclasses.is_dataclass(part):
        for field in dataclasses.fields(part):
            value = getattr(part, field.name)
            if isinstance(value, Backend):
                yield value, part.method.required if isinstance(part, MethodRanker) else _WRITING
            elif fallbacks or not (isinstance(part, Stage) and field.name == "on_error"):
                yield from _backends(value, fallbacks)
