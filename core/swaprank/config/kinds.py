"""What a config can describe, one table that checks, building, the JSON Schema and the command line read.

A config is one of these things, told apart by its main key:

- ``{method: ..., model: ...}`` or ``{reranker: <recipe>}``: one method on one backend. Its options are those of the
  method and of the strategy, which the registry knows.
- ``{fusion: <rule>, of: [...]}``: several score lists fused;
- ``{decomposition: <rule>, model: <llm>, rerank: ...}``: the question split into parts first;
- ``{query_rewrite: <rule>, model: <llm>, rerank: ...}``: the question rewritten first;
- ``{diversify: <rule>}`` and ``{boost: {...}}``: what reorders the scores of the stage before;
- ``{stages: [...]}``: a cascade of those above. All but the first are the table `COMPOSITES`.

Beside each may stand the options of every stage: `STAGE_OPTIONS` and ``on_error``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ..backend import Backend
from ..errors import ConfigError
from ..images import ImageAccess
from ..requests import Capability
from ..stages.boost import Booster, BoostOptions
from ..stages.cascade import Cascade
from ..stages.decomposition import NAME, NEEDS, Decomposition, DecompositionOptions
from ..stages.diversify import STORED, TOKENS, Diversify, DiversifyOptions
from ..stages.fusion.fusion import Fusion
from ..stages.fusion.options import INPUTS, FusionOptions
from ..stages.method_ranker import MethodRanker
from ..stages.query_rewrite import NAME as REWRITE
from ..stages.query_rewrite import NEEDS as REWRITE_NEEDS
from ..stages.query_rewrite import QueryRewrite, QueryRewriteOptions
from ..stages.ranker import Ranker
from ..stages.reading import Reading
from ..stages.retry_policy import RetryPolicy
from ..stages.stage import Limits
from ..types import Passage
from .data import Config
from .prices import Pricing

METHOD_KEYS = ("method", "model", "strategy", "backend", "cache")
STAGE_OPTIONS: tuple[type[BaseModel], ...] = (Limits, RetryPolicy, Reading, Pricing, ImageAccess)
STAGE_KEYS = frozenset({"on_error", *(name for options in STAGE_OPTIONS for name in options.model_fields)})


@dataclass(frozen=True)
class Nested:
    """A key that holds rerankers: names of recipes, or configs.

    Attributes:
        many: Whether it holds a list of them.
        names: Names that stand for something else than a reranker.
    """

    many: bool = False
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Llm:
    """That a composite asks a model of its own, under ``model`` and ``backend``.

    Attributes:
        name: What messages call the asker.
        needs: What the backend must answer.
        backend: The kind of backend where the config names none.
    """

    name: str
    needs: frozenset[Capability]
    backend: str = "transformers"


@dataclass(frozen=True)
class Parts:
    """What a composite is made of.

    Attributes:
        where: Its place in the config, for messages.
        rerankers: For every nested key its rerankers, or their names where `Nested.names` has them.
        limits: The limits of its stage.
        llm: The model of its own, where it has one.
    """

    where: str
    rerankers: Mapping[str, tuple[Any, ...]]
    limits: Limits
    llm: Backend | None = None


@dataclass(frozen=True)
class Composite:
    """A ranker made of rerankers.

    Attributes:
        title: What messages call it.
        options: Its options.
        build: Makes the ranker of validated options and parts.
        nested: The options that hold rerankers.
        one_of: Options of which exactly one is given.
        llm: The model of its own; None where it has none.
    """

    title: str
    options: type[BaseModel]
    build: Callable[[Any, Parts], Ranker]
    nested: Mapping[str, Nested]
    one_of: tuple[str, ...] = ()
    llm: Llm | None = None

    @property
    def keys(self) -> frozenset[str]:
        """The keys that it may have in a config, besides `STAGE_KEYS`."""
        own = {option.alias or name for name, option in self.options.model_fields.items()}
        return frozenset(own | ({"model", "backend"} if self.llm else set()))


class CascadeOptions(BaseModel):
    """``{stages: [bm25, {reranker: ms-marco-minilm-l6, top_n: 20}]}``.

    Attributes:
        stages: The rerankers; each sees what the one before kept.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stages: list[Any] = Field(min_length=1)


def _fusion(options: FusionOptions, parts: Parts) -> Ranker:
    return Fusion(options=options, inputs=parts.rerankers["of"] or (*parts.rerankers["with"], "previous"))


def _decomposition(options: DecompositionOptions, parts: Parts) -> Ranker:
    [search], [rerank] = parts.rerankers["search"], parts.rerankers["rerank"]
    _check_keeps_all(rerank, parts.where, "decomposition")
    if parts.llm is None:
        raise TypeError("a decomposition is built with its LLM")
    return Decomposition(options, llm=parts.llm, search=search, rerank=rerank, top_n=parts.limits.top_n)


def _query_rewrite(options: QueryRewriteOptions, parts: Parts) -> Ranker:
    [rerank] = parts.rerankers["rerank"]
    _check_keeps_all(rerank, parts.where, "query_rewrite")
    if parts.llm is None:
        raise TypeError("a query rewrite is built with its LLM")
    return QueryRewrite(options, llm=parts.llm, rerank=rerank)


def _check_keeps_all(rerank: Any, where: str, main: str) -> None:
    limits = rerank.limits
    if (limits.top_n, limits.score_threshold, limits.select) != (None, None, None):
        raise ConfigError(
            f"{where}.rerank has a top_n, score_threshold or select, and would hide part of the passages.",
            hint=f"Write them beside '{main}:'.",
        )


def _diversify(options: DiversifyOptions, parts: Parts) -> Ranker:
    [by] = parts.rerankers["by"]
    if isinstance(by, str):
        return Diversify(options, by)
    if not isinstance(by.ranker, MethodRanker) or not by.ranker.method.passage_embeddings([Passage("")]):
        raise ConfigError(
            f"{parts.where}.by is {by.name!r}, which does not embed each passage alone.",
            hint=f"Use {TOKENS}, {STORED}, or a recipe or config of bi-encoder or static-embedding.",
        )
    return Diversify(options, by.ranker)


def _boost(options: BoostOptions, parts: Parts) -> Ranker:
    return Booster(options.boost)


def _cascade(options: CascadeOptions, parts: Parts) -> Ranker:
    return Cascade(parts.rerankers["stages"])


COMPOSITES: dict[str, Composite] = {
    "fusion": Composite(
        title="fusion",
        options=FusionOptions,
        build=_fusion,
        nested={"of": Nested(many=True, names=INPUTS), "with": Nested(names=INPUTS)},
        one_of=("with", "of"),
    ),
    "decomposition": Composite(
        title="decomposition",
        options=DecompositionOptions,
        build=_decomposition,
        nested={"rerank": Nested(), "search": Nested()},
        llm=Llm(NAME, NEEDS),
    ),
    "query_rewrite": Composite(
        title="query rewrite",
        options=QueryRewriteOptions,
        build=_query_rewrite,
        nested={"rerank": Nested()},
        llm=Llm(REWRITE, REWRITE_NEEDS),
    ),
    "diversify": Composite(
        title="diversify",
        options=DiversifyOptions,
        build=_diversify,
        nested={"by": Nested(names=(TOKENS, STORED))},
    ),
    "boost": Composite(title="boost", options=BoostOptions, build=_boost, nested={}),
    "stages": Composite(title="cascade", options=CascadeOptions, build=_cascade, nested={"stages": Nested(many=True)}),
}
# Exactly one of them says what an expanded config describes.
MAIN_KEYS = ("method", *COMPOSITES)


def main_key(config: Mapping[str, Any], where: str) -> str:
    """Which of the `MAIN_KEYS` an expanded config has.

    Raises:
        ConfigError: None of them, or several.
    """
    main = [key for key in MAIN_KEYS if key in config]
    if len(main) != 1:
        raise ConfigError(
            f"{where} has {' and '.join(main) or 'none'} of the keys {', '.join(MAIN_KEYS)}.",
            hint=_misspelt(() if main else config) or "Give exactly one of them, or 'reranker: <recipe>'.",
        )
    return main[0]


def _misspelt(keys: Iterable[Any]) -> str:
    """Which key was meant, where one is nearly a main key."""
    for key in keys:
        if close := get_close_matches(str(key)[:100], (*MAIN_KEYS, "reranker"), n=1, cutoff=0.8):
            return f"Did you mean {close[0]!r} by {key!r}?"
    return ""


def takes_backend(main: str) -> bool:
    """Whether the ranker of that main key asks a backend itself, not only through its parts."""
    return main == "method" or COMPOSITES[main].llm is not None


def with_nested(config: Config, change: Callable[[Any], Any]) -> Config:
    """A copy of an expanded and valid config, every reranker in it replaced by what `change` makes of it."""
    changed = dict(config)
    nested = COMPOSITES[main].nested if (main := main_key(config, "config")) in COMPOSITES else {}
    for key, holds in nested.items():
        value = config.get(key)
        if holds.many and value is not None:
            changed[key] = [_changed(one, holds, change) for one in value]
        elif value is not None:
            changed[key] = _changed(value, holds, change)
    if isinstance(config.get("on_error"), Mapping):
        changed["on_error"] = {"fallback": change(config["on_error"]["fallback"])}
    return changed


def _changed(spec: Any, holds: Nested, change: Callable[[Any], Any]) -> Any:
    return spec if isinstance(spec, str) and spec in holds.names else change(spec)
