"""From a config to the stages it describes. Everything is checked here; nothing is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from ..backend import Backend, BackendOptions
from ..backends.llm.options import LlmOptions, LlmProvider
from ..errors import ConfigError
from ..masking import shown
from ..stages.cascade import Cascade
from ..stages.decomposition import NAME, NEEDS, Decomposition, DecompositionOptions
from ..stages.fusion import INPUTS, Fusion, FusionOptions, Input
from ..stages.method_ranker import MethodRanker, Ranker
from ..stages.retry_policy import RetryPolicy
from ..stages.stage import Limits, Stage
from ..strategy import Strategy
from . import registry
from .capabilities import check_capabilities, check_needs
from .checks import check_keys, validated
from .data import Config, check_data
from .environment import from_environment
from .expand import MAIN_KEYS, backend_config, expand

_WIRING = ("method", "model", "strategy", "backend")
_POLICY = ("on_error", *RetryPolicy.model_fields)
_LIMITS = tuple(Limits.model_fields)
# Families that score each passage (or pair, in both orders) by itself.
_ORDERLESS = ("pointwise", "pairwise", "embedding", "lexical")


class Builder:
    """Builds stages.

    Args:
        llm: What makes a backend of the framework's LLM, for ``backend: llm``; None outside the frameworks.
    """

    def __init__(self, llm: LlmProvider | None = None) -> None:
        self._llm = llm

    def stage(self, config: Mapping[str, Any], backend: Backend | None = None) -> Stage:
        """Build the stage a config describes.

        Args:
            config: A reranker, a fusion, a decomposition or a cascade.
            backend: A ready backend to use instead of the config's, for a single reranker or a decomposition's LLM.

        Raises:
            ConfigError: An unknown key or impossible value.
            CapabilityError: A backend that cannot answer what the method asks.
        """
        check_data(config, "config")
        return self._stage(config, "config", backend)

    def _stage(self, config: Mapping[str, Any], where: str, backend: Backend | None = None) -> Stage:
        named = config.get("reranker")
        expanded = expand(config)
        main = [key for key in MAIN_KEYS if key in expanded]
        if len(main) != 1:
            raise ConfigError(
                f"{where} has {' and '.join(main) or 'none'} of the keys {', '.join(MAIN_KEYS)}.",
                hint="Give exactly one of them, or 'reranker: <recipe>'.",
            )
        makers = {
            "method": self._scorer,
            "fusion": self._fusion,
            "decomposition": self._decomposition,
            "stages": self._pipeline,
        }
        if backend is not None and main[0] not in ("method", "decomposition"):
            raise ConfigError(f"{where}: a ready backend fits a single method or a decomposition, not {main[0]}.")
        ranker = makers[main[0]](expanded, where, backend)
        limits = _limits(expanded, where)
        name = named if isinstance(named, str) else str(expanded[main[0]]) if main != ["stages"] else "cascade"
        policy = validated(
            RetryPolicy, {key: expanded[key] for key in RetryPolicy.model_fields if key in expanded}, where
        )
        return Stage(name=name, ranker=ranker, limits=limits, on_error=self._on_error(expanded, where), policy=policy)

    def _on_error(self, config: Config, where: str) -> Any:
        policy = config.get("on_error", "raise")
        if policy in ("raise", "keep_order"):
            return policy
        if isinstance(policy, Mapping) and set(policy) == {"fallback"}:
            return self._nested(policy["fallback"], f"{where}.on_error.fallback")
        raise ConfigError(
            f"{where}.on_error is {shown(policy)}.", hint="Use raise, keep_order or {fallback: <reranker>}."
        )

    def _nested(self, config: Any, where: str) -> Stage:
        """A reranker inside a config: a recipe name or a mapping."""
        if isinstance(config, str):
            return self._stage({"reranker": config}, where)
        if isinstance(config, Mapping):
            return self._stage(config, where)
        raise ConfigError(f"{where} is {shown(config)}, neither the name of a recipe nor a mapping.")

    def _scorer(self, config: Config, where: str, backend: Backend | None) -> Ranker:
        method_class = registry.method(config["method"])
        strategy_class, strategy_options = _strategy(config.get("strategy", method_class.strategy), where)
        backend_options = _backend_options(config, method_class.backend, where)
        check_keys(
            config,
            {*_WIRING, *_POLICY, *_LIMITS, *method_class.model_fields, *strategy_class.model_fields},
            f"{where} ({method_class.name})",
            dict.fromkeys(type(backend_options).model_fields, f"backend: {{type: {backend_options.name}}}"),
        )
        method = validated(method_class, _own(config, method_class), where)
        twice = sorted(strategy_options.keys() & config.keys() & strategy_class.model_fields.keys())
        if twice:
            raise ConfigError(
                f"{where} says {twice[0]!r} twice: {shown(config[twice[0]])} beside 'method' and "
                f"{shown(strategy_options[twice[0]])} under 'strategy'.",
                hint=f"Leave one of {twice[0]} and strategy.{twice[0]} out.",
            )
        defaults = method_class.strategy_options.get(strategy_class.name, {})
        strategy = validated(strategy_class, {**defaults, **_own(config, strategy_class), **strategy_options}, where)
        if strategy.permutations > 1 and method_class.family in _ORDERLESS:
            raise ConfigError(
                f"{where}: {method_class.name!r} answers the same in whatever order passages are shown, and "
                f"permutations is {strategy.permutations}.",
                hint="Leave permutations out.",
            )
        model = _model(config, method_class.name, method_class.takes_model, where)
        if backend is None:
            check_capabilities(method, backend_options.name, backend_options.offered)
            backend = self._backend(backend_options, model)
        check_capabilities(method, backend.name, backend.capabilities)
        return MethodRanker(method, strategy, backend, partial=config.get("on_error") == "keep_order")

    def _backend(self, options: BackendOptions, model: str) -> Backend:
        """The backend of these options; that of the framework's LLM where there is one."""
        if self._llm is not None and isinstance(options, LlmOptions):
            return self._llm(options, model)
        return registry.backend(options.name)(model, options)

    def _fusion(self, config: Config, where: str, backend: Backend | None) -> Ranker:
        options = _options(FusionOptions, config, (), where, "fusion")
        inputs = tuple(self._input(one, f"{where}.of[{place}]") for place, one in enumerate(options.inputs))
        return Fusion(options=options, inputs=inputs)

    def _decomposition(self, config: Config, where: str, backend: Backend | None) -> Ranker:
        options = _options(DecompositionOptions, config, ("model", "backend"), where, "decomposition")
        search, rerank = (self._nested(getattr(options, key), f"{where}.{key}") for key in ("search", "rerank"))
        if rerank.limits.top_n is not None or rerank.limits.score_threshold is not None:
            raise ConfigError(
                f"{where}.rerank has a top_n or score_threshold, and would hide part of the pool.",
                hint="Write them beside 'decomposition:'.",
            )
        if backend is None:
            backend_options = _backend_options(config, "transformers", where)
            check_needs(NAME, NEEDS, backend_options.name, backend_options.offered)
            backend = self._backend(backend_options, _model(config, NAME, "required", where))
        check_needs(NAME, NEEDS, backend.name, backend.capabilities)
        return Decomposition(options, llm=backend, search=search, rerank=rerank, top_n=_limits(config, where).top_n)

    def _input(self, spec: Any, where: str) -> Input:
        return spec if spec in INPUTS else self._nested(spec, where)

    def _pipeline(self, config: Config, where: str, backend: Backend | None) -> Ranker:
        check_keys(config, {"stages", *_POLICY, *_LIMITS}, f"{where} (cascade)", {})
        stages = config["stages"]
        if not isinstance(stages, list | tuple) or not stages:
            raise ConfigError(f"{where}.stages is {shown(stages)}.", hint="Give a list of at least one reranker.")
        return Cascade(tuple(self._nested(one, f"{where}.stages[{place}]") for place, one in enumerate(stages)))


def _limits(config: Config, where: str) -> Limits:
    return validated(Limits, {key: config[key] for key in _LIMITS if key in config}, where)


def _strategy(spec: Any, where: str) -> tuple[type[Strategy], Config]:
    """``strategy: sliding-window`` is short for ``strategy: {type: sliding-window}``."""
    options = dict(spec) if isinstance(spec, Mapping) else {"type": spec}
    name = options.pop("type", None)
    if not isinstance(name, str):
        raise ConfigError(f"{where}.strategy: {shown(spec)} names no strategy.", hint="Write: strategy: all-at-once")
    return registry.strategy(name), options


def _backend_options(config: Config, default: str, where: str) -> BackendOptions:
    given = backend_config(config.get("backend", default))
    options_class = registry.backend(given.pop("type", default)).Options
    check_keys(given, options_class.model_fields, f"{where}.backend ({options_class.name})", {})
    values = from_environment(given, f"{where}.backend")
    # The environment holds text, which stands for numbers and switches too.
    return validated(options_class, values, f"{where}.backend", strict=values == given)


def _model(config: Config, asker: str, takes: str, where: str) -> str:
    model = config.get("model")
    if model is None and takes == "required":
        raise ConfigError(f"{where}: {asker!r} needs a model.", hint="Add 'model: <hub id or folder>'.")
    if model is not None and takes == "never":
        raise ConfigError(f"{where}: {asker!r} takes no model, but model is {shown(model)}.")
    if model is not None and not isinstance(model, str):
        raise ConfigError(f"{where}.model is {shown(model)}.", hint="Give a hub id or a folder as text.")
    return model or ""


def _own(config: Config, options: type[BaseModel]) -> Config:
    return {key: config[key] for key in options.model_fields if key in config}


Options = TypeVar("Options", bound=BaseModel)


def _options(kind: type[Options], config: Config, wiring: tuple[str, ...], where: str, what: str) -> Options:
    """The options of a stage that is no method."""
    known = {field.alias or name for name, field in kind.model_fields.items()}
    check_keys(config, {*known, *wiring, *_POLICY, *_LIMITS}, f"{where} ({what})", {})
    return validated(kind, {key: config[key] for key in known if key in config}, where)
