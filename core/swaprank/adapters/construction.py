"""Core rerankers for the adapters' classes, one function each: what a class fills in, and what it refuses."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping
from typing import Any

from ..backends.llm.options import LlmProvider
from ..config.data import Config
from ..config.expand import backend_config, expand
from ..config.kinds import MAIN_KEYS
from ..config.load import Source, load
from ..errors import ConfigError, nearest
from ..reranker import Reranker

Preset = Callable[[Source | Reranker, Mapping[str, Any], LlmProvider | None], Reranker]


def any_kind(source: Source | Reranker, options: Mapping[str, Any], llm: LlmProvider | None = None) -> Reranker:
    """Whatever the config describes.

    Raises:
        ConfigError: The config is wrong, or options stand beside a ready reranker.
    """
    if not isinstance(source, Reranker):
        return Reranker(source, llm=llm, **options)
    if options:
        raise ConfigError(
            f"A ready reranker takes no further options, and {', '.join(options)} was given.",
            hint="Give them to swaprank.Reranker.",
        )
    return source


def hybrid(source: Source | Reranker, options: Mapping[str, Any], llm: LlmProvider | None = None) -> Reranker:
    """A fusion.

    Without ``fusion`` the rule is ``evidence``; without ``of`` and ``with`` it fuses the first stage with BM25 over
    the candidates. Copies of one id are merged unless ``deduplicate`` is false. ``with_`` stands for ``with``, which
    is no keyword in Python.

    Raises:
        ConfigError: As `any_kind`, or the config describes something else.
    """
    if isinstance(source, Reranker):
        _check(source.to_config(), "fusion", "HybridFusion")
        return any_kind(source, options)
    given, backend = _given(source, options)
    if "with_" in given:
        given["with"] = given.pop("with_")
    if not _named(given):
        given["fusion"] = "evidence"
        if not {"of", "with"} & given.keys():
            given["of"] = ["first-stage", "bm25"]
    given.setdefault("deduplicate", True)
    _check(given, "fusion", "HybridFusion")
    return Reranker(given, llm=llm, **backend)


def decomposition(source: Source | Reranker, options: Mapping[str, Any], llm: LlmProvider | None = None) -> Reranker:
    """A question decomposition; without ``decomposition`` the rule is ``original``.

    Raises:
        ConfigError: As `any_kind`, or the config describes something else.
    """
    if isinstance(source, Reranker):
        _check(source.to_config(), "decomposition", "QuestionDecomposition")
        return any_kind(source, options)
    given, backend = _given(source, options)
    if not _named(given):
        given["decomposition"] = "original"
    _check(given, "decomposition", "QuestionDecomposition")
    return Reranker(given, llm=llm, **backend)


def from_adapter(
    preset: Preset,
    reranker: Source | Reranker,
    config: Mapping[str, Any] | None,
    options: Mapping[str, Any],
    provider: LlmProvider,
    fields: Collection[str],
) -> Reranker:
    """The core reranker behind the arguments of an adapter's class; none of them is dropped.

    Args:
        preset: One of the functions above.
        reranker: As the preset takes it, or None.
        config: The same by keyword.
        options: As the preset takes them.
        provider: The framework's LLM.
        fields: Options of the class itself, of which a misspelt one must not pass for a key of the config.

    Raises:
        ConfigError: As `from_framework`, a misspelt option, or a reranker both ways.
    """
    for key in options:
        if difflib.get_close_matches(key, fields, n=1, cutoff=0.8):
            raise ConfigError(f"Reranker has no option {key!r}.", hint=nearest(key, fields))
    if reranker is not None and config is not None:
        raise ConfigError("Both a reranker and config= are given.", hint="Give one of them.")
    return from_framework(preset, config if reranker is None else reranker, options, provider)


def from_framework(
    preset: Preset, source: Source | Reranker, options: Mapping[str, Any], provider: LlmProvider
) -> Reranker:
    """What a preset makes where ``backend: llm`` is the LLM object of a framework.

    Args:
        preset: One of the functions above.
        source: As the preset takes it.
        options: As the preset takes them.
        provider: The LLM. One that the user gave is the backend of a single method or a decomposition, whatever a
            recipe says. Parts of fusions and cascades say ``backend: llm`` themselves.

    Raises:
        ConfigError: As the preset, or the LLM has another backend or a ready reranker beside it.
    """
    given = provider.llm is not None
    if isinstance(source, Reranker):
        if given:
            raise ConfigError("A ready reranker takes no llm.", hint="Give the config instead.")
        return preset(source, options, None)
    told = {**({} if source is None else load(source)), **options}
    kinds = {"fusion", "stages"} & expand(told).keys() if _named(told) else set()
    backend = told.get("backend", "llm" if given else None)
    if preset is hybrid or kinds or not isinstance(backend, str | Mapping):
        return preset(source, options, provider)
    asked = backend_config(backend)
    if asked.get("type") != "llm":
        if given:
            raise ConfigError(f"Both llm= and backend: {asked.get('type')} are given.", hint="Give one of them.")
        return preset(source, options, provider)
    named = expand(told) if _named(told) else told
    return preset(
        source, {**options, "backend": asked, **({} if "model" in named else {"model": provider.name})}, provider
    )


def _given(source: Source, options: Mapping[str, Any]) -> tuple[Config, dict[str, Any]]:
    """The config and, apart from it, the backend, which may be a ready object."""
    given = {**({} if source is None else load(source)), **options}
    return given, {"backend": given.pop("backend")} if "backend" in given else {}


def _named(config: Config) -> bool:
    return bool({"reranker", *MAIN_KEYS} & config.keys())


def _check(config: Config, kind: str, owner: str) -> None:
    if kind not in expand(config):
        raise ConfigError(f"{owner} takes a config with the key {kind!r}.", hint="For any other config use Reranker.")
