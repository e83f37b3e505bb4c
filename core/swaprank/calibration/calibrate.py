"""Calibration: a reranker's scores on labelled data, and the map that they lead to."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import TypeAdapter

from ..backend import Backend
from ..config.expand import expand
from ..errors import ConfigError, InputError
from ..reranker import Reranker
from ..scores.relevance import Evidence, Isotonic, Logistic, RelevanceMap, WeighedEvidence
from ..types import Ranking
from .fitting import Figures, Scored, figures, fit, held_out
from .labelled import Labelled

# Nearer to 0 or 1 a relevance has no logit worth fitting on.
_LEAST = 1e-6
BATCH = 16


@dataclass(frozen=True)
class Calibration:
    """What came of it.

    Attributes:
        relevance: The map, as a config holds it.
        pairs: How many passages it was fitted on.
        relevant: How many of them are relevant.
        queries: How many queries they belong to.
        held_out: Whether each query's figures come from a map fitted on other queries.
        thresholds: What each threshold does.
    """

    relevance: dict[str, Any]
    pairs: int
    relevant: int
    queries: int
    held_out: bool
    thresholds: list[Figures]


def calibrate(
    config: Mapping[str, Any],
    data: Sequence[Labelled],
    how: Literal["logistic", "isotonic"] = "logistic",
    *,
    backend: Backend | None = None,
    progress: Callable[[int], object] = lambda queries: None,
) -> Calibration:
    """Fit the map of a config on labelled data.

    Scores that mean the same for every query are mapped themselves. Where scores are relative and the config judges
    evidence, as the embedded default does, that map is bent.

    Args:
        config: The config; its limits and its own map do not count.
        data: From `load_labelled`.
        how: The form of the map.
        backend: A ready backend, as for `Reranker`.
        progress: Told how many queries are done, batch by batch.

    Raises:
        ConfigError: Its scores compare the passages of one list.
        InputError: The data does not lead to a map.
        BackendError: The model failed.
        MissingDependencyError: scikit-learn is not installed.
    """
    given = expand(config).get("relevance")
    evidence = _evidence(given)
    reranker = _bare(config, evidence, backend)
    scale = reranker.scale
    if evidence is not None and how == "isotonic":
        raise ConfigError("This reranker judges evidence, whose map cannot be isotonic.", hint="Use logistic.")
    if not scale.absolute and not scale.relevance:
        because = f" ({scale.why})" if scale.why else ""
        raise ConfigError(
            f"The scores of {reranker.name!r} only compare the passages of one list{because}: no map can make them "
            "mean the same for every query.",
            hint="Calibrate a pointwise, embedding or lexical method, or put one before it in a cascade.",
        )
    scored = _scored(reranker, data, progress, bent=evidence is not None, own=scale.absolute)
    fitted = fit(scored, how)
    relevance, apart = held_out(scored, how)
    return Calibration(
        relevance=_as_config(fitted if evidence is None else _bent(evidence, fitted)),
        pairs=len(scored.scores),
        relevant=sum(scored.relevant),
        queries=len(set(scored.query)),
        held_out=apart,
        thresholds=figures(scored, relevance),
    )


def _evidence(given: Any) -> Evidence | None:
    """The map of a config where it judges evidence."""
    if not isinstance(given, Mapping) or given.get("type") != "evidence":
        return None
    parsed = TypeAdapter(RelevanceMap).validate_python(given)
    return parsed if isinstance(parsed, Evidence) else None


def _bare(config: Mapping[str, Any], evidence: Evidence | None, backend: Backend | None) -> Reranker:
    """The reranker without limits, which would hide passages, and without a policy, which would hide failures."""
    own = {"top_n": None, "score_threshold": None, "select": None, "normalize": "none", "on_error": "raise"}
    relevance = None if evidence is None else _as_config(evidence)
    return Reranker({**config, **own, "empty_passages": "score", "relevance": relevance}, backend=backend)


def _scored(
    reranker: Reranker, data: Sequence[Labelled], progress: Callable[[int], object], *, bent: bool, own: bool
) -> Scored:
    """The number that the map will read, of every passage that has one and a text.

    Args:
        reranker: The reranker.
        data: What it is asked.
        progress: Told how many queries are done.
        bent: Take the logit of the relevance.
        own: Take the score; else the relevance.
    """
    numbers: list[float] = []
    relevant: list[bool] = []
    query: list[int] = []
    for start in range(0, len(data), BATCH):
        batch = data[start : start + BATCH]
        rankings = reranker.rerank_many([each.query for each in batch], [each.passages for each in batch])
        for place, (each, ranking) in enumerate(zip(batch, rankings, strict=True), start=start):
            for index, number in _numbers(ranking, bent=bent, own=own):
                numbers.append(number)
                relevant.append(each.relevant[index])
                query.append(place)
        progress(len(batch))
    if not numbers:
        raise InputError(f"{reranker.name!r} has given no passage a score that a map could read.")
    return Scored(numbers, relevant, query)


def _numbers(ranking: Ranking, *, bent: bool, own: bool) -> list[tuple[int, float]]:
    kept = [ranked for ranked in ranking.passages if not ranked.passage.is_empty]
    if own and not bent:
        return [(ranked.index, ranked.score) for ranked in kept if math.isfinite(ranked.score)]
    known = [(ranked.index, ranked.relevance) for ranked in kept if ranked.relevance is not None]
    return [(index, _logit(one) if bent else one) for index, one in known]


def _logit(relevance: float) -> float:
    share = min(max(relevance, _LEAST), 1 - _LEAST)
    return math.log(share / (1 - share))


def _bent(evidence: Evidence, fitted: Logistic | Isotonic) -> Evidence:
    """sigmoid(slope * logit + intercept) of a weighted sum is a weighted sum again."""
    if not isinstance(fitted, Logistic):
        raise TypeError("evidence is bent by a logistic map")
    otherwise = None if evidence.otherwise is None else WeighedEvidence(**_bent_sum(evidence.otherwise, fitted))
    return Evidence(**_bent_sum(evidence, fitted), otherwise=otherwise)


def _bent_sum(evidence: WeighedEvidence, fitted: Logistic) -> dict[str, Any]:
    return {
        "weights": {name: round(weight * fitted.slope, 6) for name, weight in evidence.weights.items()},
        "intercept": round(evidence.intercept * fitted.slope + fitted.intercept, 6),
    }


def _as_config(how: Logistic | Isotonic | Evidence) -> dict[str, Any]:
    values: dict[str, Any] = how.model_dump(mode="json", exclude_none=True)
    return values
