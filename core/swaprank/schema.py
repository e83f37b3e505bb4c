"""The JSON Schema of a config, made from the models that also check it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from . import recipe, registry
from .decomposition import DecompositionOptions
from .fusion_scorer import INPUTS, FusionOptions
from .stage import Limits

Schema = dict[str, Any]

_ANY = {"$ref": "#/$defs/reranker"}


def json_schema() -> Schema:
    """A JSON Schema (draft 2020-12) that accepts what `build.stage` accepts.

    It knows every key and value of methods, strategies, backends, fusion, decomposition and cascades. What it
    cannot say (that a backend lacks a capability, that weights are as many as inputs) is checked at construction.
    """
    methods = {f"method-{name}": _method(name) for name in registry.names("method")}
    kinds = {
        **methods,
        "fusion": _fusion(),
        "decomposition": _decomposition(),
        "stages": _stages(),
        "recipe": _recipe(),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "swaprank config",
        "$ref": "#/$defs/config",
        "$defs": {
            **kinds,
            "config": {"anyOf": [{"$ref": f"#/$defs/{kind}"} for kind in kinds]},
            "reranker": {"anyOf": [{"enum": _names()}, {"$ref": "#/$defs/config"}]},
            "backend": _backend(),
        },
    }


def _names() -> list[str]:
    """What a bare name may be: a recipe, or a method that needs no model."""
    free = [name for name in registry.names("method") if registry.method(name).takes_model != "required"]
    return sorted({*recipe.all_recipes(), *free})


def _properties(model: type[BaseModel]) -> dict[str, Schema]:
    properties: dict[str, Schema] = model.model_json_schema(by_alias=True).get("properties", {})
    return properties


def _object(properties: dict[str, Schema], required: list[str]) -> Schema:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _common() -> dict[str, Schema]:
    fallback = _object({"fallback": _ANY}, ["fallback"])
    return {**_properties(Limits), "on_error": {"anyOf": [{"enum": ["raise", "keep_order"]}, fallback]}}


def _options(name: str) -> dict[str, Schema]:
    """What may stand beside ``method:``: its own options and those of the strategies."""
    properties = _properties(registry.method(name))
    for strategy in registry.names("strategy"):
        properties.update(_properties(registry.strategy(strategy)))
    strategies = registry.names("strategy")
    spelled = {"type": "object", "properties": {"type": {"enum": strategies}}, "required": ["type"]}
    properties["strategy"] = {"anyOf": [{"enum": strategies}, spelled]}
    properties["backend"] = {"$ref": "#/$defs/backend"}
    if registry.method(name).takes_model != "never":
        properties["model"] = {"type": "string"}
    return {**_common(), **properties}


def _method(name: str) -> Schema:
    needs_model = registry.method(name).takes_model == "required"
    return _object({"method": {"const": name}, **_options(name)}, ["method", *(["model"] if needs_model else [])])


def _fusion() -> Schema:
    one = {"anyOf": [{"enum": list(INPUTS)}, _ANY]}
    properties = {**_properties(FusionOptions), "with": one, "of": {"type": "array", "items": one, "minItems": 1}}
    exactly_one = {"oneOf": [{"required": ["with"]}, {"required": ["of"]}]}
    return {**_object({**_common(), **properties}, ["fusion"]), **exactly_one}


def _decomposition() -> Schema:
    wiring = {"model": {"type": "string"}, "backend": {"$ref": "#/$defs/backend"}}
    nested = {"rerank": _ANY, "search": _ANY}
    return _object({**_common(), **_properties(DecompositionOptions), **wiring, **nested}, ["decomposition", "model"])


def _stages() -> Schema:
    return _object({**_common(), "stages": {"type": "array", "items": _ANY, "minItems": 1}}, ["stages"])


def _recipe() -> Schema:
    """``reranker: <name>`` with any override; whether it suits the recipe shows at construction."""
    keys = {key for name in registry.names("method") for key in _options(name)}
    keys |= {*_properties(FusionOptions), *_properties(DecompositionOptions)}
    overrides: dict[str, Schema] = {key: {} for key in [*sorted(keys), "model", "stages"]}
    overrides.update({**_common(), "backend": {"$ref": "#/$defs/backend"}})
    return _object({**overrides, "method": {}, "reranker": _ANY}, ["reranker"])


def _backend() -> Schema:
    names = registry.names("backend")
    spelled = [_object({"type": {"const": name}, **_properties(registry.backend(name))}, []) for name in names]
    return {"anyOf": [{"enum": names}, *spelled]}
