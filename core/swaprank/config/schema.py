"""The JSON Schema of a config, made from the models that also check it."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import Any

from pydantic import BaseModel

from ..cache.options import CacheOptions, takes_cache
from ..requests import Capability
from ..stages.reading import Reading
from . import recipe, registry
from .environment import REFERENCE
from .expand import backend_config, expand
from .kinds import COMPOSITES, STAGE_OPTIONS, Composite, Nested, main_key
from .schema_sharing import shared

Schema = dict[str, Any]

_ANY = {"$ref": "#/$defs/reranker"}
# A hub id or a folder; which models fit a method by themselves shows at construction.
_MODEL_NAME = {"type": "string", "pattern": r"[/\\]|^~|^package:"}
_FROM_ENVIRONMENT = {"type": "string", "pattern": REFERENCE}


def json_schema() -> Schema:
    """A JSON Schema (draft 2020-12) that accepts what `Reranker` accepts as a mapping, or in a file.

    It knows every key and value of methods, strategies, backends, fusion, decomposition, cascades and of what may
    override a recipe. What it cannot say is checked at construction: rules that a validator of an option holds (that
    weights are as many as inputs), which models a backend has, what one api of a server answers, and whether an
    environment variable is set.
    """
    methods = registry.names("method")
    kinds = {f"method-{name}": _method(name) for name in methods}
    kinds |= {key: _composite(kind) for key, kind in COMPOSITES.items()}
    kinds |= {**_recipes(), "model": _model(), "changed": _changed()}
    parts = {f"backend-{name}": _backend(name) for name in registry.names("backend")}
    parts |= {f"strategy-{name}": _strategy(name) for name in registry.names("strategy")}
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "swaprank config",
        # What stands for itself may say nothing but limits: those of the default.
        "anyOf": [{"$ref": "#/$defs/config"}, {"$ref": "#/$defs/limits"}],
        "$defs": {
            **_definitions(),
            "cache": _object(_properties(CacheOptions), ["type"]),
            "stage": {"properties": _common()},
            "limits": {"$ref": "#/$defs/stage", **_object({key: {} for key in _common()}, []), "minProperties": 1},
            **{f"keys-{name}": _keys(name) for name in methods},
            **kinds,
            **parts,
            "config": {"anyOf": [{"$ref": f"#/$defs/{kind}"} for kind in kinds]},
            "reranker": {"anyOf": [{"enum": _names()}, _MODEL_NAME, {"$ref": "#/$defs/config"}]},
        },
    }
    return shared(whole)


def _names() -> list[str]:
    """What a bare name may be: a recipe, or a method that needs no model."""
    free = [name for name in registry.names("method") if registry.method(name).takes_model != "required"]
    return sorted({*recipe.all_recipes(), *free})


def _models() -> list[type[BaseModel]]:
    found = [*STAGE_OPTIONS, *(kind.options for kind in COMPOSITES.values())]
    found += [registry.method(name) for name in registry.names("method")]
    found += [registry.strategy(name) for name in registry.names("strategy")]
    found += [registry.backend(name).Options for name in registry.names("backend")]
    return found


def _definitions() -> dict[str, Schema]:
    """What the models' own schemas refer to: enumerations and nested models."""
    return {name: part for model in _models() for name, part in _own_schema(model).get("$defs", {}).items()}


def _properties(model: type[BaseModel]) -> dict[str, Schema]:
    properties: dict[str, Schema] = _own_schema(model).get("properties", {})
    return properties


@cache
def _own_schema(model: type[BaseModel]) -> Schema:
    """What pydantic writes of a model; nobody changes it, and a few hundred places ask for it."""
    return model.model_json_schema(by_alias=True)


def _object(properties: dict[str, Schema], required: list[str]) -> Schema:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _common() -> dict[str, Schema]:
    fallback = _object({"fallback": _ANY}, ["fallback"])
    on_error = {"anyOf": [{"enum": ["raise", "keep_order"]}, fallback]}
    options = {key: value for model in STAGE_OPTIONS for key, value in _properties(model).items()}
    return {**options, "on_error": on_error}


def _required(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items() if field.is_required()]


def _method(name: str) -> Schema:
    method = registry.method(name)
    named: dict[str, Schema] = {"method": {"const": name}, "reranker": {"not": {}}}
    return _single(name, named, ["method", *_needed(name)], method.backend, method.strategy)


def _needed(name: str) -> list[str]:
    """The keys that a method cannot do without."""
    method = registry.method(name)
    model = ["model"] if method.takes_model == "required" else []
    backend = ["backend"] if _required(registry.backend(method.backend).Options) else []
    return [*_required(method), *model, *backend]


def _keys(name: str) -> Schema:
    """Every key that may stand beside a method, with what it may hold wherever the method is named.

    The values of keys that every stage has are in ``stage``.
    """
    method = registry.method(name)
    theirs = {key for choice in registry.names("strategy") for key in _properties(registry.strategy(choice))}
    anything = [*sorted(theirs), *_common(), "strategy", "backend", "method", "reranker"]
    properties: dict[str, Schema] = {**{key: {} for key in anything}, **_properties(method)}
    if not method.model_construct().scores_each:
        properties |= {key: {"type": "null"} for key in Reading.model_fields}
    models: dict[str, Schema] = {
        "required": {"type": "string"},
        "optional": {"type": ["string", "null"]},
        "never": {"type": "null"},
    }
    properties["model"] = models[method.takes_model]
    kept: list[Schema] = [{"enum": ["memory", "disk"]}, {"$ref": "#/$defs/cache"}] if takes_cache(method) else []
    properties["cache"] = {"anyOf": [*kept, {"type": "null"}]}
    return {"$ref": "#/$defs/stage", **_object(properties, [])}


def _single(
    name: str, named: dict[str, Schema], required: list[str], backend: str, strategy: str, *, whole: bool = True
) -> Schema:
    """One method with its options and those of its strategy.

    Args:
        name: The method.
        named: The keys that name it.
        required: Keys that must be there.
        backend: The kind of backend where the config names none.
        strategy: The strategy where the config names none.
        whole: Whether an option of that kind of backend that has no default must be given.
    """
    method = registry.method(name)
    own = _properties(method)
    choices = {choice: _properties(registry.strategy(choice)) for choice in registry.names("strategy")}
    theirs = {key for options in choices.values() for key in options}
    variants = [
        {
            "properties": {
                "strategy": {"$ref": f"#/$defs/strategy-{choice}"},
                **options,
                **dict.fromkeys(sorted(theirs - options.keys() - own.keys()), False),
            },
            "required": [] if choice == strategy else ["strategy"],
        }
        for choice, options in choices.items()
    ]
    properties = {"backend": _backends(method.needs, backend, whole=whole), **named}
    return {"$ref": f"#/$defs/keys-{name}", "properties": properties, "required": required, "anyOf": variants}


def _backends(needs: frozenset[Capability], default: str, *, whole: bool) -> Schema:
    """The backends that can answer what is asked, with their options.

    Args:
        needs: What is asked.
        default: The kind where the config names none.
        whole: Whether an option of that kind that has no default must be given.
    """
    capable = [one for one in registry.names("backend") if needs <= registry.backend(one).Options.capabilities]
    needed = {one: _required(registry.backend(one).Options) if whole or one != default else [] for one in capable}
    return {
        "anyOf": [
            {"enum": [one for one in capable if not needed[one]]},
            *({"$ref": f"#/$defs/backend-{one}", "required": ["type", *needed[one]]} for one in capable),
            {"$ref": f"#/$defs/backend-{default}", "required": needed.get(default, [])},
        ]
    }


def _strategy(name: str) -> Schema:
    spelled = _object({"type": {"const": name}, **_properties(registry.strategy(name))}, ["type"])
    return {"anyOf": [{"const": name}, spelled]}


def _backend(name: str) -> Schema:
    options = _properties(registry.backend(name).Options)
    values = {key: {"anyOf": [value, _FROM_ENVIRONMENT]} for key, value in options.items()}
    return _object({"type": {"const": name}, **values}, [])


def _composite(kind: Composite) -> Schema:
    required = [*_required(kind.options), *(["model"] if kind.llm else [])]
    given = [{"properties": {key: {"not": {"type": "null"}}}, "required": [key]} for key in kind.one_of]
    return {**_object(_composite_properties(kind), required), **({"oneOf": given} if given else {})}


def _composite_properties(kind: Composite) -> dict[str, Schema]:
    fields = {field.alias or name: field for name, field in kind.options.model_fields.items()}
    nested = {key: _nested(holds, optional=fields[key].default is None) for key, holds in kind.nested.items()}
    wiring: dict[str, Schema] = {}
    if kind.llm is not None:
        wiring = {"model": {"type": "string"}, "backend": _backends(kind.llm.needs, kind.llm.backend, whole=True)}
    return {**_common(), "budget": {"type": "null"}, **_properties(kind.options), **wiring, **nested}


def _nested(holds: Nested, *, optional: bool) -> Schema:
    """A key that holds one reranker or several.

    Args:
        holds: What it may hold.
        optional: Whether it may be null.
    """
    one = {"anyOf": [{"enum": list(holds.names)}, _ANY]} if holds.names else _ANY
    value: Schema = {"type": "array", "items": one, "minItems": 1} if holds.many else one
    return {"anyOf": [value, {"type": "null"}]} if optional else value


def _recipes() -> dict[str, Schema]:
    """``reranker: <recipe or method>`` with what may override it, one schema for names that take the same keys."""
    alike: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for name in {*recipe.all_recipes(), *registry.names("method")}:
        alike[_kind(name)].append(name)
    schemas = {}
    for kind, names in sorted(alike.items()):
        named: dict[str, Schema] = {"reranker": {"enum": sorted(names)}}
        if kind[0] in COMPOSITES:
            schema = _object({**_composite_properties(COMPOSITES[kind[0]]), **named}, ["reranker"])
        else:
            method, backend, strategy, *missing = kind[1:]
            named["method"] = {"const": method}
            schema = _single(method, named, ["reranker", *missing], backend, strategy, whole="backend" in missing)
        schemas["-".join(("recipe", *kind))] = schema
    return schemas


def _kind(name: str) -> tuple[str, ...]:
    """What decides which keys may stand beside a name, and what must."""
    config = expand({"reranker": name})
    if "method" not in config:
        return (main_key(config, name),)
    method = registry.method(config["method"])
    backend = backend_config(config.get("backend", method.backend)).get("type", method.backend)
    strategy = config.get("strategy", method.strategy)
    missing = [key for key in _needed(method.name) if key not in config]
    return ("method", method.name, backend, strategy if isinstance(strategy, str) else strategy["type"], *missing)


def _model() -> Schema:
    """``model:`` without a method, with any option; whether it suits the model shows at construction."""
    keys = {key for name in registry.names("method") for key in _keys(name)["properties"]} - {"method", "reranker"}
    return _object({**{key: {} for key in sorted(keys)}, **_common(), "model": {"type": "string"}}, ["model"])


def _changed() -> Schema:
    """``reranker: {...}`` or a model's name with any override; whether it suits them shows at construction."""
    single = [_keys(name)["properties"] for name in registry.names("method")]
    composite = [_composite_properties(kind) for kind in COMPOSITES.values()]
    keys = {key for properties in (*single, *composite) for key in properties}
    overrides: dict[str, Schema] = {**{key: {} for key in sorted(keys)}, **_common()}
    reranker = {"anyOf": [_MODEL_NAME, {"$ref": "#/$defs/config"}]}
    return _object({**overrides, "reranker": reranker}, ["reranker"])
