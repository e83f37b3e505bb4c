"""From a config to the stages it describes. Everything is checked here; nothing is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel

from ..backend import Backend, BackendOptions
from ..backends.llm.options import LlmOptions, LlmProvider
from ..cache.backend import CachedBackend, store_of
from ..cache.options import CacheOptions, takes_cache
from ..errors import ConfigError
from ..images import ImageAccess
from ..masking import shown
from ..method import Method
from ..requests import Capability
from ..stages.method_ranker import MethodRanker
from ..stages.ranker import Ranker
from ..stages.reading import Reading
from ..stages.retry_policy import RetryPolicy
from ..stages.scale import check_limits
from ..stages.stage import Limits, Stage
from ..strategy import Strategy
from . import registry
from .capabilities import check_needs
from .checks import check_keys, validated
from .data import Config, check_data
from .environment import from_environment
from .expand import backend_config, expand
from .kinds import COMPOSITES, METHOD_KEYS, STAGE_KEYS, Composite, Nested, Parts, main_key, takes_backend
from .prices import Pricing
from .reading import Inherited, check_taken, composite_reading, reading_ranker


class Builder:
    """Builds stages.

    Args:
        llm: What makes a backend of the framework's LLM, for ``backend: llm``; None outside the frameworks.
    """

    def __init__(self, llm: LlmProvider | None = None) -> None:
        self._llm = llm
        self._inherited: Inherited | None = None

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
        expanded = expand(config)
        main = main_key(expanded, where)
        if backend is not None and not takes_backend(main):
            raise ConfigError(f"{where}: a ready backend fits a single method or a decomposition, not {main}.")
        limits = validated(Limits, _own(expanded, Limits), where)
        policy = validated(RetryPolicy, _own(expanded, RetryPolicy), where)
        reading = validated(Reading, _own(expanded, Reading), where)
        validated(Pricing, _own(expanded, Pricing), where)
        if main != "method":
            _check_access(validated(ImageAccess, _own(expanded, ImageAccess), where), where, COMPOSITES[main].title)
        if main == "method":
            method_ranker, name = self._method(expanded, where, backend), expanded[main]
            ranker = reading_ranker(reading, method_ranker, self._inherited, where)
        else:
            with self._inheriting(reading, where):
                ranker = self._composite(COMPOSITES[main], expanded, where, limits, backend)
            name = expanded[main] if isinstance(expanded[main], str) else COMPOSITES[main].title
        check_limits(limits, ranker.scale, where)
        named = config.get("reranker")
        return Stage(
            name=named if isinstance(named, str) else name,
            ranker=ranker,
            limits=limits,
            on_error=self._on_error(expanded, where),
            policy=policy,
        )

    @contextmanager
    def _inheriting(self, reading: Reading, where: str) -> Iterator[None]:
        """While a composite is built: its ``long_passages`` are those of the methods in it."""
        outer = self._inherited
        own = composite_reading(reading, where)
        self._inherited = own or outer
        try:
            yield
        finally:
            self._inherited = outer
        check_taken(own, where)

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

    def _method(self, config: Config, where: str, backend: Backend | None) -> MethodRanker:
        method_class = registry.method(config["method"])
        strategy_class, strategy_options = _strategy(config.get("strategy", method_class.strategy), where)
        backend_options = _backend_options(config, method_class.backend, where)
        check_keys(
            config,
            {*METHOD_KEYS, *STAGE_KEYS, *method_class.model_fields, *strategy_class.model_fields},
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
        if strategy.permutations > 1 and not method.depends_on_order:
            raise ConfigError(
                f"{where}: {method_class.name!r} answers the same in whatever order passages are shown, and "
                f"permutations is {strategy.permutations}.",
                hint="Leave permutations out.",
            )
        model = _model(config, method_class.name, method_class.takes_model, where)
        if backend is None:
            backend = self._backend(backend_options, model, method.name, method.required)
        check_needs(method.name, method.required, backend.name, backend.capabilities)
        if config.get("cache") is not None:
            backend = _cached(config["cache"], method_class, backend, where)
        access = validated(ImageAccess, _own(config, ImageAccess), where)
        _check_access(access, where, None if method.reads_images else method.name)
        return MethodRanker(method, strategy, backend, config.get("on_error") == "keep_order", access)

    def _backend(self, options: BackendOptions, model: str, asker: str, needs: frozenset[Capability]) -> Backend:
        """The backend of these options; that of the framework's LLM where there is one."""
        # Before it is built, because a backend that cannot help may have no such model either.
        check_needs(asker, needs, options.name, options.offered)
        if self._llm is not None and isinstance(options, LlmOptions):
            return self._llm(options, model)
        return registry.backend(options.name)(model, options)

    def _composite(
        self, kind: Composite, config: Config, where: str, limits: Limits, backend: Backend | None
    ) -> Ranker:
        elsewhere = {"cache": "each reranker of a single method in it"}
        check_keys(config, kind.keys | STAGE_KEYS, f"{where} ({kind.title})", elsewhere)
        options = validated(kind.options, _own(config, kind.options), where)
        values = options.model_dump(by_alias=True)
        rerankers = {key: self._rerankers(values[key], nested, f"{where}.{key}") for key, nested in kind.nested.items()}
        if kind.llm is not None:
            name, needs = kind.llm.name, kind.llm.needs
            if backend is None:
                model = _model(config, name, "required", where)
                backend = self._backend(_backend_options(config, kind.llm.backend, where), model, name, needs)
            check_needs(name, needs, backend.name, backend.capabilities)
        return kind.build(options, Parts(where, rerankers, limits, backend))

    def _rerankers(self, value: Any, nested: Nested, where: str) -> tuple[Stage | str, ...]:
        """What a nested key holds; nothing where it is not given."""
        if value is None:
            return ()
        if not nested.many:
            return (self._reranker(value, nested, where),)
        return tuple(self._reranker(one, nested, f"{where}[{place}]") for place, one in enumerate(value))

    def _reranker(self, spec: Any, nested: Nested, where: str) -> Stage | str:
        return spec if isinstance(spec, str) and spec in nested.names else self._nested(spec, where)


def _check_access(access: ImageAccess, where: str, text_only: str | None) -> None:
    """Refuse options of images beside what reads none, named ``text_only``."""
    given = sorted(access.model_fields_set)
    if text_only is not None and given:
        raise ConfigError(
            f"{where}: {given[0]} is for methods that read images, and {text_only!r} reads none with these options.",
            hint="Write it beside the method that does; some methods need images: read.",
        )


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


def _cached(spec: Any, method: type[Method], backend: Backend, where: str) -> Backend:
    """``cache: memory`` is short for ``cache: {type: memory}``."""
    options = validated(CacheOptions, spec if isinstance(spec, Mapping) else {"type": spec}, f"{where}.cache")
    if not takes_cache(method):
        able = (name for name in registry.names("method") if takes_cache(registry.method(name)))
        raise ConfigError(
            f"{where}: {method.name!r} asks about many passages at a time, and no answer of it would come up again.",
            hint=f"Methods with a cache: {', '.join(able)}.",
        )
    if not hasattr(backend, "identity"):
        raise ConfigError(
            f"{where}: the {backend.name} backend does not say what its answers depend on, so they cannot be kept.",
            hint="A cache needs a backend that a config names, or one with a method 'identity'.",
        )
    return CachedBackend(backend, store_of(options))


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
    """Those keys of a config that are options of this class."""
    keys = (option.alias or name for name, option in options.model_fields.items())
    return {key: config[key] for key in keys if key in config}
