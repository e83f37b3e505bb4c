"""What a stage makes of the scores of its ranker: scores on another scale, and relevance."""

from __future__ import annotations

import math
from typing import Literal

from ..errors import ConfigError
from ..scores.activation import sigmoid
from ..scores.relevance import Evidence, Isotonic, Logistic, Range, mapped
from ..types import ScoreKind
from .candidate_scores import CandidateScores
from .scale import RELATIVE, SIGMOID, Scale


def relevances(
    candidates: CandidateScores, how: Logistic | Isotonic | Range | Evidence | None, scale: Scale
) -> list[float | None]:
    """The relevance of each candidate, None where it is not known.

    Args:
        candidates: What the ranker made of them.
        how: The map of the config; None for what the ranker says. It reads the scores where these mean the same for
            every query, and else the relevance that the ranker gives.
        scale: What the ranker's scores mean.
    """
    count = len(candidates.scores)
    given = list(candidates.relevance) or [None] * count
    if how is None:
        return given
    if isinstance(how, Evidence):
        return [_of_evidence(how, candidates, index) for index in range(count)]
    if not scale.absolute:
        return mapped(how, given)
    if candidates.kind in RELATIVE:
        return [None] * count
    scores = [None if index in candidates.placed else score for index, score in enumerate(candidates.scores)]
    return mapped(how, scores)


def _of_evidence(how: Evidence, candidates: CandidateScores, index: int) -> float | None:
    values = {name: listed[index] for name, listed in candidates.evidence.items() if listed}
    return how.known({name: value for name, value in values.items() if value is not None})


def normalized(
    scores: list[float], kind: ScoreKind, how: Literal["none", "sigmoid", "minmax"]
) -> tuple[list[float], ScoreKind]:
    """The scores as ``normalize`` wants them, and their kind.

    Raises:
        ConfigError: A sigmoid of something else than logits.
    """
    if how == "minmax":
        low, high = min(scores), max(scores)
        if high == low:
            return [0.5] * len(scores), ScoreKind.OTHER
        # Half of everything where the span itself overflows.
        unit = 1.0 if math.isfinite(high - low) else 0.5
        return [(score * unit - low * unit) / (high * unit - low * unit) for score in scores], ScoreKind.OTHER
    if how == "sigmoid" and kind is not ScoreKind.PROBABILITY:
        if kind not in SIGMOID:
            raise ConfigError(
                f"normalize: sigmoid applies to logits, and these scores are of kind {kind.value!r}.",
                hint="Use normalize: minmax, or none.",
            )
        return [sigmoid(score) for score in scores], ScoreKind.PROBABILITY
    return scores, kind
