"""Fitting maps: logistic (Platt 1999, with his smoothed targets) and isotonic regression, by scikit-learn.

Figures are cross-validated: each query's passages are judged by a map fitted on the other queries.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..errors import InputError, require
from ..scores.relevance import Isotonic, Logistic

FOLDS = 5
THRESHOLDS = tuple(round(0.1 * step, 1) for step in range(1, 10))
# Digits of a number in a config: more than any fit is worth.
_DIGITS = 6
# The most a fitted isotonic map holds; neighbours on one line are left out.
_MOST_POINTS = 200


@dataclass(frozen=True)
class Scored:
    """What a map is fitted on.

    Attributes:
        scores: One per pair of a query and a passage, all finite.
        relevant: Whether the passage is relevant.
        query: Which query it is.
    """

    scores: Sequence[float]
    relevant: Sequence[bool]
    query: Sequence[int]

    def only(self, places: Sequence[int]) -> Scored:
        """Some of the pairs."""
        return Scored(
            [self.scores[place] for place in places],
            [self.relevant[place] for place in places],
            [self.query[place] for place in places],
        )


@dataclass(frozen=True)
class Figures:
    """What a threshold does.

    Attributes:
        threshold: The relevance from which on passages are kept.
        precision: The share of kept passages that are relevant; None where none is kept.
        recall: The share of relevant passages that are kept.
        kept: Passages kept per query.
    """

    threshold: float
    precision: float | None
    recall: float
    kept: float


def fit(data: Scored, how: Literal["logistic", "isotonic"]) -> Logistic | Isotonic:
    """The map of all pairs.

    Raises:
        MissingDependencyError: scikit-learn is not installed.
        InputError: Relevance does not rise with the scores, or one of both classes is missing.
    """
    relevant = sum(data.relevant)
    if not 0 < relevant < len(data.relevant):
        raise InputError(f"{relevant} of {len(data.relevant)} passages are relevant: a map needs both classes.")
    return (_logistic if how == "logistic" else _isotonic)(data)


def held_out(data: Scored, how: Literal["logistic", "isotonic"]) -> tuple[list[float], bool]:
    """The relevance of each pair by a map that has not seen its query, and whether there were queries enough for that.

    With fewer than `FOLDS` queries, or where a fold lacks one of both classes, the map of all pairs is used.
    """
    relevance = [0.0] * len(data.scores)
    queries = sorted(set(data.query))
    folds = [set(queries[place::FOLDS]) for place in range(FOLDS)]
    for fold in folds:
        seen = data.only([place for place, query in enumerate(data.query) if query not in fold])
        if len(queries) < FOLDS or len(set(seen.relevant)) < 2:
            whole = fit(data, how)
            return [whole.relevance(score) for score in data.scores], False
        fitted = fit(seen, how)
        for place, query in enumerate(data.query):
            if query in fold:
                relevance[place] = fitted.relevance(data.scores[place])
    return relevance, True


def figures(data: Scored, relevance: Sequence[float], thresholds: Sequence[float] = THRESHOLDS) -> list[Figures]:
    """What each threshold does to the pairs."""
    all_relevant, queries = sum(data.relevant), len(set(data.query))
    rows = []
    for threshold in thresholds:
        kept = [right for right, one in zip(data.relevant, relevance, strict=True) if one >= threshold]
        precision = sum(kept) / len(kept) if kept else None
        rows.append(Figures(threshold, precision, sum(kept) / all_relevant, len(kept) / queries))
    return rows


def _logistic(data: Scored) -> Logistic:
    linear: Any = require("sklearn.linear_model", extra="calibrate", purpose="Fitting a map of scores")
    scores = np.asarray(data.scores, dtype=np.float64)
    relevant = np.asarray(data.relevant)
    # Standardised, or scores of thousands would not converge; the largest magnitude first, or they would overflow.
    largest = float(np.abs(scores).max()) or 1.0
    scaled = scores / largest
    mean, spread = float(scaled.mean()), float(scaled.std())
    if spread < 1e-12:
        raise InputError("All scores are equal, and say nothing of relevance.")
    standard = ((scaled - mean) / spread)[:, None]
    good, bad = int(relevant.sum()), int((~relevant).sum())
    # Platt's targets, as two weighted copies of each pair: without them separable scores have no finite slope.
    target = np.where(relevant, (good + 1) / (good + 2), 1 / (bad + 2))
    model = linear.LogisticRegression(C=1e6, max_iter=1000)
    labels = np.repeat([1, 0], len(target))
    model.fit(np.vstack([standard, standard]), labels, sample_weight=np.concatenate([target, 1 - target]))
    slope = float(model.coef_[0][0]) / spread
    intercept = float(model.intercept_[0]) - slope * mean
    slope /= largest
    if not slope > 0 or not math.isfinite(slope):
        raise InputError(
            "Passages with higher scores are not relevant more often in this data, and a map must not fall.",
            hint="Is a label of 1 relevant, and does the reranker read this language?",
        )
    return Logistic(slope=_rounded(slope), intercept=_rounded(intercept))


def _isotonic(data: Scored) -> Isotonic:
    isotonic: Any = require("sklearn.isotonic", extra="calibrate", purpose="Fitting a map of scores")
    model = isotonic.IsotonicRegression(y_min=0.0, y_max=1.0, increasing=True, out_of_bounds="clip")
    model.fit(np.asarray(data.scores, dtype=np.float64), np.asarray(data.relevant, dtype=np.float64))
    points: list[tuple[float, float]] = []
    for score, value in zip(model.X_thresholds_.tolist(), model.y_thresholds_.tolist(), strict=True):
        point = (_rounded(score), _rounded(value))
        if not points or point[0] > points[-1][0]:
            points.append(point)
    if len({value for _, value in points}) < 2:
        raise InputError(
            "Passages with higher scores are not relevant more often in this data, and a map must not fall.",
            hint="Is a label of 1 relevant, and does the reranker read this language?",
        )
    step = math.ceil(len(points) / _MOST_POINTS)
    return Isotonic(points=(*points[:-1:step], points[-1]))


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
