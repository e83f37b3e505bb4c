"""A page for each method: what its module says, its options, its recipes."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

import yaml

from swaprank.config import recipe, registry

from .options import prose, table


@cache
def pages() -> dict[str, str]:
    """Path in the site to content, by the names of the methods."""
    return {f"methods/{name}.md": _page(name) for name in registry.names("method")}


def _page(name: str) -> str:
    method = registry.method(name)
    used = [one for one, found in recipe.all_recipes().items() if name in set(_methods(found.config))]
    parts = [f"# {name}", prose(sys.modules[method.__module__].__doc__), prose(inspect.getdoc(method)), _facts(method)]
    options = table(method)
    parts += ["## Options", options or "It has none of its own."]
    parts += ["Beside them stand those of its strategy, its backend and every stage: [config](../config-reference.md)."]
    parts += ["## In a config", f"```yaml\n{_example(name, used)}```"]
    if used:
        parts += ["## Recipes", *map(_recipe, used)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _facts(method: Any) -> str:
    facts = {
        "Family": method.family,
        "Needs of its backend": ", ".join(f"`{one}`" for one in sorted(method.needs)),
        "Backend": f"`{method.backend}`, unless the config names another",
        "Strategy": f"`{method.strategy}`, unless the config names another",
        "Model": method.takes_model,
        "Source": method.source,
    }
    return "\n".join(f"- **{name}**: {fact}" for name, fact in facts.items() if fact)


def _example(name: str, used: list[str]) -> str:
    if used:
        config: Any = {"reranker": used[0], "top_n": 10}
    else:
        takes = registry.method(name).takes_model == "required"
        config = {"method": name, **({"model": "<hub id or folder>"} if takes else {}), "top_n": 10}
    return yaml.safe_dump(config, sort_keys=False)


def _recipe(name: str) -> str:
    found = recipe.get(name)
    about = [found.parameters, ", ".join(found.languages), found.license]
    parts = [f"### {name}", f"{found.description}", " · ".join(one for one in about if one)]
    if found.published:
        rows = [f"| {one.dataset} | {one.metric} | {one.value:g} | {one.source} |" for one in found.published]
        parts.append("| as published | | | source |\n|---|---|---:|---|\n" + "\n".join(rows))
    if found.notes:
        parts.append(found.notes)
    parts.append(f"```yaml\n{yaml.safe_dump(found.config, sort_keys=False, allow_unicode=True)}```")
    return "\n\n".join(parts)


def _methods(config: Any) -> Iterator[str]:
    """Names of methods in a config, however deep."""
    if isinstance(config, dict):
        for key, value in config.items():
            if key == "method" and isinstance(value, str):
                yield value
            else:
                yield from _methods(value)
    elif isinstance(config, list):
        for one in config:
            yield from _methods(one)
