"""Which recipes fit a need, by what the recipes say of themselves and by the times that were measured."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ...config import recipe, registry
from ...config.licences import allows_commercial_use
from ...config.recipe import Recipe
from ...requests import Capability
from .cpu_latency import cpu_latency

Device = Literal["cpu", "cuda"]

_SIZE = re.compile(r"([\d.]+)\s*([MB])")
_UNITS = {"M": 1e6, "B": 1e9}
# A model of more parameters answers a query on a CPU in minutes.
_MOST_ON_CPU = 6e8
# Two bytes a parameter, and a fifth for what is computed.
_BYTES = 2 * 1.2


@dataclass(frozen=True)
class Need:
    """What is asked for.

    Attributes:
        language: ISO 639-1 code of queries and passages; None for any.
        device: Where it runs.
        budget_ms: Most milliseconds for a query; on a CPU only, where times were measured.
        passages: Candidates of a query, of about 90 words each.
        commercial: Whether the licence must allow commercial use by its name.
        memory_gb: Most memory of the device.
    """

    language: str | None = None
    device: Device = "cpu"
    budget_ms: float | None = None
    passages: int = 50
    commercial: bool = False
    memory_gb: float | None = None


@dataclass(frozen=True)
class Suggestion:
    """A recipe that fits.

    Attributes:
        name: The recipe.
        recipe: What it says.
        milliseconds: For a query on the CPU that was measured on; None where it was not measured.
        by_shape: Whether they are those of a network of the model's shape with random weights.
    """

    name: str
    recipe: Recipe
    milliseconds: float | None
    by_shape: bool = False


def recommend(need: Need) -> list[Suggestion]:
    """The recipes that fit, the best first.

    Figures of different authors do not compare. What orders recipes is what tends to go with quality: a model that
    reads query and passage together before one that embeds them apart; more parameters before fewer; a model of this
    language before one of many. On a GPU, models that write text before they judge come after those that do not.
    """
    found = [one for name, entry in _on_this_machine() if (one := _fitting(name, entry, need)) is not None]
    return sorted(found, key=lambda one: _order(one, need))


def _on_this_machine() -> list[tuple[str, Recipe]]:
    """The recipes of models that the user's machines run: how fast and how dear services are is not known here."""
    return [(name, entry) for name, entry in recipe.all_recipes().items() if not entry.service]


def _fitting(name: str, entry: Recipe, need: Need) -> Suggestion | None:
    milliseconds = cpu_latency().of(name, need.passages) if need.device == "cpu" else None
    size = parameters(entry)
    fits = (
        (need.language is None or need.language in entry.languages or "multilingual" in entry.languages)
        and (not need.commercial or allows_commercial_use(entry.license) is True)
        and (need.memory_gb is None or size * _BYTES <= need.memory_gb * 1e9)
        and (need.device == "cuda" or (size <= _MOST_ON_CPU and not writes_text(entry)))
    )
    if need.device == "cpu" and need.budget_ms is not None:
        fits = fits and milliseconds is not None and milliseconds <= need.budget_ms
    return Suggestion(name, entry, milliseconds, name in cpu_latency().by_shape) if fits else None


def _order(one: Suggestion, need: Need) -> tuple[int, int, float, int, str]:
    method = one.recipe.config.get("method")
    apart = method is not None and registry.method(method).family == "embedding"
    own = need.language is None or need.language in one.recipe.languages
    writes = need.device == "cuda" and writes_text(one.recipe)
    return int(writes), int(apart), -parameters(one.recipe), int(not own), one.name


def parameters(entry: Recipe) -> float:
    """How many parameters a recipe's models have together; 0 for those without a model."""
    found = _SIZE.match(entry.parameters)
    twice = 2 if "twice" in entry.parameters else 1
    return twice * float(found[1]) * _UNITS[found[2]] if found else 0.0


def writes_text(entry: Recipe) -> bool:
    """Whether a recipe's model writes text, which takes a pass through it per token."""
    method = entry.config.get("method")
    return method is not None and Capability.TEXT in registry.method(method).needs
