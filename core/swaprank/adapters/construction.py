"""From the arguments of an adapter's class to the core reranker behind it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ..backends.llm.options import LlmProvider
from ..config.data import Config
from ..config.expand import backend_config, expand
from ..config.kinds import COMPOSITES, MAIN_KEYS
from ..config.load import Source, load
from ..errors import ConfigError, nearest
from ..reranker import Reranker


@dataclass(frozen=True, slots=True)
class ConfigKind:
    """The configs that a class of an adapter takes.

    Attributes:
        owner: The name of the class, for errors.
        main_key: The key that the config must have; None for any config.
        fill: Returns a config in which everything that the class has a default for is filled in.
    """

    owner: str
    main_key: str | None
    fill: Callable[[Config], Config]


def make_reranker(
    kind: ConfigKind,
    reranker: Source | Reranker,
    options: Mapping[str, Any],
    *,
    config: Mapping[str, Any] | None = None,
    llm: LlmProvider | None = None,
    fields: Collection[str] = (),
) -> Reranker:
    """The core reranker behind the arguments of an adapter's class; no argument is ignored.

    Args:
        kind: What the class takes: `ANY_CONFIG`, `FUSION_CONFIG` or `DECOMPOSITION_CONFIG`.
        reranker: Recipe name, path, mapping, a ready `swaprank.Reranker`, or None.
        options: Keys of the config, which override those of `reranker`; ``backend`` may be a ready `Backend`.
        config: The same as `reranker`, by keyword.
        llm: The framework's LLM. One that the user gave becomes the backend of a single method or a decomposition,
            whatever a recipe says. Parts of fusions and cascades say ``backend: llm`` themselves.
        fields: Options of the class itself. A key of `options` that is nearly one of them is a misspelling.

    Raises:
        ConfigError: The config is wrong or of another kind, a reranker is given twice, options or an LLM stand
            beside a ready reranker, or an LLM stands beside another backend.
    """
    for key in options:
        if difflib.get_close_matches(key, fields, n=1, cutoff=0.8):
            raise ConfigError(f"{kind.owner} has no option {key!r}.", hint=nearest(key, fields))
    if reranker is not None and config is not None:
        raise ConfigError("Both a reranker and config= are given.", hint="Give one of them.")
    source = config if reranker is None else reranker
    if isinstance(source, Reranker):
        return _ready(kind, source, options, llm)
    given = {**({} if source is None else load(source)), **options}
    # The backend may be a ready object, which is not part of a config.
    backend = given.pop("backend", None)
    given = kind.fill(given)
    expanded = expand(
        given if backend is None or not isinstance(backend, str | Mapping) else {**given, "backend": backend}
    )
    _check(kind, expanded)
    if not any(key in expanded for key, kind in COMPOSITES.items() if kind.llm is None):
        backend, model = _llm_backend(backend, llm)
        if model is not None and "model" not in expanded:
            given["model"] = model
    if source is None:
        return Reranker(llm=llm, backend=backend, **given)
    return Reranker(given, llm=llm, backend=backend)


def _ready(kind: ConfigKind, source: Reranker, options: Mapping[str, Any], llm: LlmProvider | None) -> Reranker:
    """The ready reranker itself, which nothing may stand beside."""
    _check(kind, expand(source.to_config()))
    if llm is not None and llm.llm is not None:
        raise ConfigError("A ready reranker takes no llm.", hint="Give the config instead.")
    if options:
        raise ConfigError(
            f"A ready reranker takes no further options, and {', '.join(options)} was given.",
            hint="Give them to swaprank.Reranker.",
        )
    return source


def _llm_backend(backend: Any, llm: LlmProvider | None) -> tuple[Any, str | None]:
    """The backend of a single method or a decomposition, and the LLM's name where the LLM is the backend."""
    given = llm is not None and llm.llm is not None
    if backend is None:
        backend = "llm" if given else None
    elif given and not isinstance(backend, str | Mapping):
        raise ConfigError("Both llm= and a ready backend are given.", hint="Give one of them.")
    if llm is None or not isinstance(backend, str | Mapping):
        return backend, None
    options = backend_config(backend)
    if options.get("type") == "llm":
        return options, llm.name
    if given:
        raise ConfigError(f"Both llm= and backend: {options.get('type')} are given.", hint="Give one of them.")
    return options, None


def _check(kind: ConfigKind, config: Config) -> None:
    if kind.main_key is not None and kind.main_key not in config:
        raise ConfigError(
            f"{kind.owner} takes a config with the key {kind.main_key!r}.", hint="For any other config use Reranker."
        )


def _is_named(config: Config) -> bool:
    return bool({"reranker", *MAIN_KEYS} & config.keys())


def _filled_fusion(config: Config) -> Config:
    filled = {"deduplicate": True, **config}
    if "with_" in filled:
        filled["with"] = filled.pop("with_")
    if not _is_named(filled):
        filled["fusion"] = "evidence"
        if not {"of", "with"} & filled.keys():
            filled["of"] = ["first-stage", "bm25"]
    return filled


def _filled_decomposition(config: Config) -> Config:
    return config if _is_named(config) else {**config, "decomposition": "original"}


ANY_CONFIG = ConfigKind("Reranker", None, dict)
"""Whatever a config describes; nothing is filled in."""

FUSION_CONFIG = ConfigKind("HybridFusion", "fusion", _filled_fusion)
"""A fusion: of the first stage and BM25 by the rule ``evidence`` where nothing is said.

Copies of one id are merged unless ``deduplicate`` is false. ``with_`` stands for ``with``, which Python reserves.
"""

DECOMPOSITION_CONFIG = ConfigKind("QuestionDecomposition", "decomposition", _filled_decomposition)
"""A question decomposition; by the rule ``original`` where nothing is said."""
