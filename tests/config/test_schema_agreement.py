"""The JSON Schema and construction agree on every option there is; what is compared comes from the registry."""

from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from types import SimpleNamespace
from typing import Any, ClassVar, Literal, get_args, get_origin

import jsonschema_rs
import pytest
from pydantic import BaseModel, ConfigDict, Field

from swaprank import ConfigError
from swaprank.backend import LocalBackend
from swaprank.backends.embedded.options import EmbeddedOptions
from swaprank.config import registry
from swaprank.config.build import Builder
from swaprank.config.expand import expand
from swaprank.config.recipe import all_recipes
from swaprank.config.schema import json_schema
from swaprank.methods.cross_encoder import CrossEncoder
from swaprank.requests import Capability
from swaprank.stages.fusion.options import INPUTS, FusionOptions
from swaprank.stages.stage import Limits
from swaprank.strategies.all_at_once import AllAtOnce
from swaprank.testing import arbitrary_response

# Integers written as 2.0 and infinities are left out: JSON Schema takes the one, JSON has not the other.
VALUES = [None, True, 0, 1, -1, 7, 0.5, "", "x", "1", [], ["a"], [1], {}, {"a": 1}]
RERANKERS = [*VALUES, "bm25", "cross-encoder", *INPUTS, {"reranker": "bm25"}, {"method": "bm25", "top_n": 0}]
# What a schema cannot say: rules of a model's own validators, and which models a backend has.
UNSAYABLE = (
    "Value error", "has no model", "in whatever order passages are shown", "the http backend offers",
    "normalize: sigmoid applies", "has nothing to be compared with", "is compared with the relevance", "relevance maps scores",
    "relevance weighs", "select looks for a break",
)  # fmt: skip


class Depth(StrEnum):
    SHALLOW = "shallow"
    DEEP = "deep"


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int = Field(default=1, ge=1)


class FakeStrategy(AllAtOnce):
    """Has options, one of them under the same name as the method's, with a bound of its own."""

    name: ClassVar[str] = "fake"
    window_size: int = Field(default=20, ge=2)
    shared: int = Field(default=1, le=5)


class FakeMethod(CrossEncoder):
    name: ClassVar[str] = "fake"
    backend: ClassVar[str] = "fake"
    strategy: ClassVar[str] = "fake"
    depth: Depth = Depth.DEEP
    inner: Inner = Inner()
    shared: int = Field(default=1, ge=1)


class FakeOptions(EmbeddedOptions):
    """Has an option without a default."""

    name: ClassVar[str] = "fake"
    capabilities: ClassVar[frozenset[Capability]] = frozenset(Capability)
    url: str
    retries: int = Field(default=2, ge=0)


class FakeBackend(LocalBackend):
    Options = FakeOptions

    def run(self, requests):
        return [arbitrary_response(request) for request in requests]


schema = cache(json_schema)


@cache
def validator(definition: str = "config") -> jsonschema_rs.Draft202012Validator:
    """In Rust: a hundred thousand validations are minutes in Python."""
    return jsonschema_rs.Draft202012Validator({**schema(), "$ref": f"#/$defs/{definition}"})


def agree(config, definition: str = "config") -> None:
    try:
        Builder().stage(config)
        refused = ""
    except ConfigError as error:
        refused = str(error)
    if not any(reason in refused for reason in UNSAYABLE):
        assert validator(definition).is_valid(config) == (not refused), (config, refused)


def options(model: type[BaseModel]) -> Iterator[dict[str, Any]]:
    """Every option of a model alone with every value, its default and its choices among them."""
    for name, field in model.model_fields.items():
        known = [*choices(field.annotation), *([] if field.is_required() else [field.get_default()])]
        yield from ({field.alias or name: value} for value in [*VALUES, *known] if is_data(value))


def choices(annotation) -> list[Any]:
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return [choice for part in get_args(annotation) for choice in choices(part)]


def is_data(value) -> bool:
    return value is None or isinstance(value, bool | int | float | str | list | dict)


def smallest(name: str) -> dict[str, Any]:
    """A config of this method that says no more than it must."""
    return {"method": name, **({"model": "m"} if registry.method(name).takes_model == "required" else {})}


@pytest.mark.parametrize("name", registry.names("method"))
def test_options_of_methods_and_limits(name) -> None:
    config = smallest(name)
    for given in (*options(registry.method(name)), *options(Limits), {}, {"unknown": 1}, {"reranker": None}):
        agree({**config, **given}, f"method-{name}")
    for key in ("model", "strategy", "backend", "on_error"):
        for value in VALUES:
            agree({**config, key: value}, f"method-{name}")
    agree({"method": name}, f"method-{name}")


# Of no strategy's family, of one's, and with defaults of its own: all schemas are made in the same way.
SOME = ("bm25", "rankgpt", "pairwise")


@pytest.mark.parametrize("strategy", registry.names("strategy"))
def test_options_of_strategies(strategy) -> None:
    for name in registry.names("method"):
        config = smallest(name)
        for value in (strategy, {"type": strategy}, {"type": strategy, "unknown": 1}, {strategy: 1}):
            agree({**config, "strategy": value}, f"method-{name}")
        for given in options(registry.strategy(strategy)) if name in (*SOME, "fake") else ():
            agree({**config, **given, "strategy": strategy}, f"method-{name}")
            agree({**config, "strategy": {"type": strategy, **given}}, f"method-{name}")
            agree({**config, **given}, f"method-{name}")


@pytest.mark.parametrize("backend", registry.names("backend"))
def test_options_of_backends(backend, monkeypatch) -> None:
    monkeypatch.setenv("SWAPRANK_TEST", "1")
    kind = registry.backend(backend).Options
    for name in registry.names("method"):
        for value in (backend, {"type": backend}, {"type": backend, "unknown": 1}, {"type": [backend]}):
            agree({**smallest(name), "backend": value}, f"method-{name}")
    able = [name for name in registry.names("method") if registry.method(name).needs <= kind.capabilities]
    for name in able[:1]:
        for given in options(kind):
            agree({**smallest(name), "backend": {"type": backend, **given}}, f"method-{name}")
            agree({**smallest(name), "backend": given}, f"method-{name}")
        required = {key: "${SWAPRANK_TEST}" for key, field in kind.model_fields.items() if field.is_required()}
        for key in kind.model_fields:
            spelled = {"type": backend, **required, key: "${SWAPRANK_TEST}"}
            assert validator(f"method-{name}").is_valid({**smallest(name), "backend": spelled})


def one_of_each_kind() -> list[str]:
    """A recipe for each set of keys that recipes have: their schemas differ in nothing else."""
    mains = {name: expand({"reranker": name}) for name in all_recipes()}
    return list({(main.get("method"), *sorted(main)): name for name, main in mains.items()}.values())


@pytest.mark.parametrize("name", one_of_each_kind())
def test_overrides_of_recipes(name) -> None:
    """Also with the keys of other kinds of recipes, and of methods that are not the recipe's."""
    main = expand({"reranker": name})
    own = registry.method(main["method"]) if "method" in main else FusionOptions
    for given in (*options(own), *options(Limits)):
        agree({"reranker": name, **given})
    for key in (
        "model",
        "strategy",
        "backend",
        "on_error",
        "method",
        "fusion",
        "of",
        "with",
        "stages",
        "unknown",
        "k1",
    ):
        for value in (None, 1, "x", {}, ["bm25"], {"type": "transformers"}, *registry.names("method")[:1]):
            agree({"reranker": name, key: value})


@pytest.mark.parametrize("value", RERANKERS, ids=str)
def test_rerankers_inside_rerankers(value) -> None:
    agree({"reranker": value})
    if isinstance(value, str):
        agree({"reranker": value, "model": "m"})
    for stages in (value, [value], ["bm25", value]):
        agree({"stages": stages}, "stages")
    for inputs in ({"of": value}, {"of": [value]}, {"with": value}, {"of": ["bm25"], "with": value}):
        agree({"fusion": "rrf", **inputs}, "fusion")
    for policy in (value, {"fallback": value}, {"fallback": "bm25", "unknown": value}):
        agree({"method": "bm25", "on_error": policy}, "method-bm25")


def test_options_of_fusion() -> None:
    for given in (*options(FusionOptions), *options(Limits), {"unknown": 1}, {"rule": "rrf"}, {"method": "bm25"}):
        for inputs in ({"with": "bm25"}, {"of": ["bm25", "retrieval"]}, {"with": "bm25", "of": None}):
            agree({"fusion": "rrf", **inputs, **given}, "fusion")


def test_what_others_add_is_in_the_schema(monkeypatch) -> None:
    """Nested options, options of strategies, and backends with an option that has no default."""
    added = {"method": FakeMethod, "strategy": FakeStrategy, "backend": FakeBackend}
    monkeypatch.setattr(registry, "_plugins", lambda what: {"fake": SimpleNamespace(load=lambda: added[what])})
    schema.cache_clear()
    validator.cache_clear()
    test_options_of_methods_and_limits("fake")
    test_options_of_strategies("fake")
    test_options_of_backends("fake", monkeypatch)
    config = {**smallest("fake"), "backend": {"url": "u"}}
    for given in (
        *options(FakeMethod),
        *options(FakeStrategy),
        {"shared": 7},
        {"shared": 7, "strategy": "one-by-one"},
        {"window_size": 3, "strategy": "one-by-one"},
        {"inner": {"size": 0}},
        {"inner": {"size": 2}},
        {"depth": "shallow"},
    ):
        agree({**config, **given})
    agree({"reranker": config, "top_n": 3})
    schema.cache_clear()
    validator.cache_clear()
