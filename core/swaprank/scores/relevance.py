"""Relevance: from a score to a number between 0 and 1 that means the same for every query.

A map never falls, so that a better score never looks less relevant. The maps of kinds of scores are those of the
models' publishers; others are fitted on judged data (``swaprank calibrate``) and stand in a config under ``relevance``.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..types import ScoreKind
from .activation import sigmoid

_Finite = Annotated[float, Field(allow_inf_nan=False)]
_Share = Annotated[float, Field(ge=0, le=1)]

# Beyond this the sigmoid is 0 or 1 in double precision; it keeps sums of huge scores finite.
_LARGEST = 1e3


class Logistic(BaseModel):
    """``{type: logistic, slope: 2.1, intercept: -3.4}``: sigmoid(slope * score + intercept).

    Attributes:
        slope: Above 0.
        intercept: The logit of the relevance of score 0.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["logistic"] = "logistic"
    slope: float = Field(gt=0, allow_inf_nan=False)
    intercept: _Finite = 0.0

    def relevance(self, score: float) -> float:
        """The relevance of a finite score."""
        return sigmoid(min(max(self.slope * score + self.intercept, -_LARGEST), _LARGEST))


class Isotonic(BaseModel):
    """``{type: isotonic, points: [[-2.0, 0.1], [3.5, 0.9]]}``: straight lines between points, level outside them.

    Attributes:
        points: Pairs of a score and its relevance; scores rise from point to point, and relevance never falls.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["isotonic"] = "isotonic"
    points: tuple[tuple[_Finite, _Share], ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _rising(self) -> Self:
        for (left, low), (right, high) in pairwise(self.points):
            if not left < right:
                raise ValueError(f"the scores of points must rise, and {right} follows {left}")
            if not low <= high:
                raise ValueError(f"relevance must not fall, and {high} follows {low}")
        return self

    def relevance(self, score: float) -> float:
        """The relevance of a finite score."""
        after = bisect_right(self.points, score, key=lambda point: point[0])
        if after in (0, len(self.points)):
            return self.points[max(after - 1, 0)][1]
        (left, low), (right, high) = self.points[after - 1 : after + 1]
        # Halves, because the distance of two finite scores may overflow.
        share = (score / 2 - left / 2) / (right / 2 - left / 2)
        return min(max(low + (high - low) * share, low), high)


class Range(BaseModel):
    """``{type: range, low: 0.7, high: 1.0}``: a straight line from 0 at ``low`` to 1 at ``high``, level outside.

    Attributes:
        low: The score that says irrelevant.
        high: The score that says relevant.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["range"] = "range"
    low: _Finite
    high: _Finite

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low is {self.low}, and high is no more: {self.high}")
        return self

    def relevance(self, score: float) -> float:
        """The relevance of a finite score."""
        return min(max((score / 2 - self.low / 2) / (self.high / 2 - self.low / 2), 0.0), 1.0)


class WeighedEvidence(BaseModel):
    """``{weights: {terms: 4.5, pairs: 5.3}, intercept: -2.0}``: a logistic map of a weighted sum.

    Attributes:
        weights: By the name of what is found.
        intercept: The logit of the relevance of a passage in which nothing is found.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights: dict[str, _Finite] = Field(min_length=1)
    intercept: _Finite = 0.0

    def relevance(self, found: Mapping[str, float]) -> float:
        """The relevance of a passage in which this was found."""
        total = self.intercept + math.fsum(weight * found[name] for name, weight in self.weights.items())
        return sigmoid(min(max(total, -_LARGEST), _LARGEST))


class Evidence(WeighedEvidence):
    """``{type: evidence, weights: {terms: 2.6, cosine: 4.9}, intercept: -1.5}``: for scores relative to their list.

    Reads what methods found in each passage by itself (`GroupScores.evidence`), not its score. Fitted by
    ``python -m tests.benchmarks.relevance`` for the embedded default.

    Attributes:
        weights: By the name of what is found.
        intercept: The logit of the relevance of a passage in which nothing is found.
        otherwise: The map of passages of which not all of it is known, as where an encoder is left out because its
            table is not installed; without it they have no relevance.
    """

    type: Literal["evidence"] = "evidence"
    otherwise: WeighedEvidence | None = None

    def known(self, found: Mapping[str, float]) -> float | None:
        """The relevance of a passage in which this was found; None where neither map can read it."""
        for how in (self, self.otherwise):
            if how is not None and how.weights.keys() <= found.keys():
                return how.relevance(found)
        return None


ScoreMap = Logistic | Isotonic | Range
"""From a score to a relevance."""

RelevanceMap = Annotated[Logistic | Isotonic | Range | Evidence, Field(discriminator="type")]
"""What a config may say under ``relevance``."""

IDENTITY = Range(low=0, high=1)

PUBLISHED: Mapping[ScoreKind, ScoreMap] = {
    ScoreKind.LOGIT: Logistic(slope=1),
    ScoreKind.PROBABILITY: IDENTITY,
    ScoreKind.COSINE: IDENTITY,
}
"""The maps of kinds of scores that mean the same for every query; other kinds have none of their own.

Logits of relevance are trained through the sigmoid, and their publishers apply it. A cosine of 0 says that nothing is
shared; less than that says no more.
"""


def mapped(how: ScoreMap, scores: Sequence[float | None]) -> list[float | None]:
    """The relevance of each score; None for scores that are missing or not finite."""
    return [None if score is None or not math.isfinite(score) else how.relevance(score) for score in scores]
