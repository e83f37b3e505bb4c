"""What the rows of an evaluation are called: file or recipe, and what differs where two would be called the same."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ..config.data import Config
from ..config.expand import expand
from .result import FIRST_STAGE

_LONGEST = 40


def row_names(given: Sequence[tuple[str, Config]]) -> list[str]:
    """A name of its own for every config.

    Args:
        given: Name of the file (without its ending) or of the recipe, and the config without secrets.

    Returns:
        The name itself; ``"name (max_length: 256)"`` where several configs have that name and differ in this key; and
        ``"name #2"`` where they do not differ.
    """
    flat = [dict(_flat(_expanded(config))) for _, config in given]
    counts = Counter(name for name, _ in given)
    names = [
        name if counts[name] == 1 else _told_apart(name, one, [flat[i] for i, (n, _) in enumerate(given) if n == name])
        for (name, _), one in zip(given, flat, strict=True)
    ]
    seen: Counter[str] = Counter({FIRST_STAGE: 1})
    numbered = []
    for name in names:
        seen[name] += 1
        numbered.append(name if seen[name] == 1 else f"{name} #{seen[name]}")
    return numbered


def _told_apart(name: str, own: Mapping[str, Any], group: Sequence[Mapping[str, Any]]) -> str:
    keys = sorted({key for one in group for key in one})
    differing = [key for key in keys if len({repr(one.get(key)) for one in group}) > 1]
    parts = [f"{key}: {_short(own[key])}" for key in differing if key in own]
    return f"{name} ({', '.join(parts)})" if parts else name


def _expanded(config: Config) -> Config:
    return expand(config) if "reranker" in config else config


def _flat(config: Any, path: str = "") -> list[tuple[str, Any]]:
    if isinstance(config, Mapping) and config:
        return [one for key, value in config.items() for one in _flat(value, f"{path}.{key}" if path else str(key))]
    if isinstance(config, list) and config:
        return [one for place, value in enumerate(config) for one in _flat(value, f"{path}[{place}]")]
    return [(path, config)]


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
