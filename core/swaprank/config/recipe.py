"""Recipes: named presets, kept as YAML files in `recipes/`, one file per published model family."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from .. import recipes
from ..backends.http.services import SERVICES
from ..errors import ConfigError, nearest_of_many
from ..masking import shown
from . import registry
from .files import parse_yaml
from .hosted_names import hosted_hint


class Published(BaseModel):
    """A figure that the model's authors published.

    Attributes:
        dataset: Test collection and first stage.
        metric: Measure, with its cut-off.
        value: The figure, on the scale of its source.
        source: Where it is printed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str
    metric: str
    value: float
    source: str


class Recipe(BaseModel):
    """A named preset.

    Attributes:
        description: One line on what it is and when to take it.
        config: What the name stands for, in the words of a config file.
        aliases: Other ids under which the hub knows the same model.
        license: Licence of the weights as their publisher states it, ``"hosted service"``, or ``"unknown"``.
        languages: ISO 639-1 codes, or ``["multilingual"]``.
        parameters: Size, such as ``"568M"``.
        context: Most tokens that the model was made for; None where it is not known here.
        backends: The kinds of backend that read this model, where they are fewer than answer the method.
        published: Published figures.
        notes: What a user should know before taking it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: str
    config: dict[str, Any]
    aliases: list[str] = []
    license: str
    languages: list[str] = Field(min_length=1)
    parameters: str = ""
    context: int | None = None
    backends: list[str] = Field(default=[], exclude=True)  # `recipe_facts.facts` says them
    published: list[Published] = []
    notes: str = ""

    @property
    def service(self) -> str:
        """The hosted service that runs the model; empty where the user's machines do."""
        backend = self.config.get("backend")
        api = backend.get("api", "") if isinstance(backend, dict) else ""
        return api if api in SERVICES else ""


def get(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        ConfigError: No such recipe; the message names the nearest.
    """
    recipes = all_recipes()
    if name not in recipes:
        hint = hosted_hint(name, recipes) or _what_there_is(name, recipes)
        raise ConfigError(f"No recipe is named {shown(name)}.", hint=hint)
    return recipes[name]


def _what_there_is(name: str, recipes: Mapping[str, Recipe]) -> str:
    """Where a name that no recipe has leads."""
    if name in registry.names("method"):
        return f"It is a method: swaprank methods {name}"
    of_model = [repr(key) for key, one in recipes.items() if name in (one.config.get("model"), *one.aliases)]
    if of_model:
        return f"It is the model of {', '.join(of_model)}."
    return nearest_of_many(name, [*recipes, *registry.MODEL_FREE], listing="swaprank recipes")


@cache
def all_recipes() -> dict[str, Recipe]:
    """Every recipe of the package, by name."""
    found: dict[str, Recipe] = {}
    for file in sorted(resources.files(recipes).iterdir(), key=lambda file: file.name):
        if file.name.endswith(".yaml"):
            entries = parse_yaml(file.read_text(encoding="utf-8"), file.name)
            found.update((name, Recipe.model_validate(entry)) for name, entry in entries.items())
    return found
