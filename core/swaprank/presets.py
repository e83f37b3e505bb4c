"""Configs of the adapters' classes that are always one kind of stage: what they fill in, and what they refuse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .config import MAIN_KEYS, Config, Source, expand, load
from .errors import ConfigError


def hybrid(source: Source, options: Mapping[str, Any]) -> Config:
    """The config of a HybridFusion.

    Without ``fusion`` the rule is ``evidence``; without ``of`` and ``with`` it fuses the first stage with BM25 over
    the candidates. Copies of one id are merged unless ``deduplicate`` is false. ``with_`` stands for ``with``, which
    is no keyword in Python.

    Raises:
        ConfigError: The config describes something else.
    """
    given = _given(source, options)
    if "with_" in given:
        given["with"] = given.pop("with_")
    if not _named(given):
        given = {"fusion": "evidence", **given}
        if not {"of", "with"} & given.keys():
            given["of"] = ["first-stage", "bm25"]
    return _checked({"deduplicate": True, **given}, "fusion", "HybridFusion")


def decomposition(source: Source, options: Mapping[str, Any]) -> Config:
    """The config of a QuestionDecomposition; without ``decomposition`` the rule is ``original``.

    Raises:
        ConfigError: The config describes something else.
    """
    given = _given(source, options)
    complete = given if _named(given) else {"decomposition": "original", **given}
    return _checked(complete, "decomposition", "QuestionDecomposition")


def _given(source: Source, options: Mapping[str, Any]) -> Config:
    return {**({} if source is None else load(source)), **options}


def _named(config: Config) -> bool:
    return bool({"reranker", *MAIN_KEYS} & config.keys())


def _checked(config: Config, kind: str, owner: str) -> Config:
    if kind not in expand(config):
        raise ConfigError(f"{owner} takes a config with the key {kind!r}.", hint="For any other config use Reranker.")
    return config
