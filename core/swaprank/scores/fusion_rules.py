"""Rules that fuse several score lists over the same candidates into one.

A list has one score per candidate; None or NaN marks a candidate that the list does not hold. Every rule returns one
finite number per candidate, higher is better.

A rule is a scaling, which makes the lists comparable, and a combination, which makes one number of them;
`RULES` names the published pairs. Only Kemeny's rule compares whole orders: see `kemeny`. Degenerate lists follow one
policy: a list whose scores are all equal, or that holds one candidate, adds the same to all that it holds, so that the
other lists decide; an infinite score counts as the finite extreme of its list, and keeps its rank where ranks count.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from . import scaling
from .kemeny import kemeny
from .scaling import SCALINGS, Scaling
from .score_list import ScaledList, ScoreList, present

Combination = Literal["sum", "mnz", "hits", "max", "kemeny"]
Missing = Literal["lowest", "nothing"]


@dataclass(frozen=True)
class Rule:
    """How lists are fused.

    Attributes:
        norm: Name of the scaling, a key of `scaling.SCALINGS`.
        combination: ``sum``; ``mnz``: the sum times the number of lists that hold the candidate; ``hits``: the sum
            times the number of lists whose scaled score of it is above zero; ``max``; ``kemeny``: places in the order
            that contradicts the lists in the fewest pairs.
        missing: What a list adds for a candidate it does not hold: its ``lowest`` scaled score, or ``nothing``.
        weights: The published weights of two lists; none where the source leaves them open.
    """

    norm: str
    combination: Combination = "sum"
    missing: Missing = "nothing"
    weights: tuple[float, float] | None = None


# Zero is the middle of z-scores and anything of raw scores: there a missing candidate must be put at the bottom.
RULES: Mapping[str, Rule] = {
    "z-score": Rule("z-score", missing="lowest"),
    "min-max": Rule("min-max"),
    "dbsf": Rule("dbsf"),
    "rrf": Rule("rrf"),
    "combsum": Rule("min-max"),
    "combmnz": Rule("min-max", "mnz"),
    "combmax": Rule("min-max", "max"),
    # Borda (1781) counts how many candidates each list puts below one.
    "borda": Rule("borda"),
    "kemeny": Rule("none", "kemeny"),
    "erank": Rule("z-score", missing="lowest", weights=(0.2, 0.8)),
    "rank-r1": Rule("min-max", weights=(0.5, 0.5)),
    "diver": Rule("log-rank", weights=(0.6, 0.4)),
    "judgerank": Rule("none", missing="lowest", weights=(1.0, 100.0)),
    "vic": Rule("min-max", "hits"),
}


def fuse(
    rule: Rule, lists: Sequence[ScoreList], weights: Sequence[float], *, k: float = 60, sample: bool = False
) -> list[float]:
    """One score per candidate by a rule.

    Args:
        rule: One of `RULES`, or another pair.
        lists: Scores by candidate, all of one length.
        weights: One per list.
        k: The constant of reciprocal ranks, above 0.
        sample: Standard deviations with n - 1 instead of n.

    Returns:
        The fused scores [candidates], all finite.
    """
    if rule.combination == "kemeny":
        return kemeny(lists, weights)
    scale = _scaling(rule.norm, k, sample)
    columns = [_fill_missing(scale(scores), rule.missing) for scores in lists]
    combine = _COMBINATIONS[rule.combination]
    return [
        combine([(weight, score) for weight, score in zip(weights, row, strict=True) if score is not None])
        for row in zip(*columns, strict=True)
    ]


def _scaling(norm: str, k: float, sample: bool) -> Scaling:
    if norm == "rrf":
        return lambda scores: scaling.reciprocal_rank(scores, k)
    if sample and norm in ("z-score", "dbsf"):
        spread = {"z-score": scaling.z_score, "dbsf": scaling.dbsf}[norm]
        return lambda scores: spread(scores, sample=True)
    return SCALINGS[norm]


def _fill_missing(scores: ScaledList, missing: Missing) -> ScaledList:
    held = present(scores)
    if missing == "nothing" or not held:
        return scores
    lowest = min(held)
    return [lowest if score is None else score for score in scores]


Weighted = list[tuple[float, float]]


def _sum(row: Weighted) -> float:
    return math.fsum(weight * score for weight, score in row)


# What counts as above zero in ViC's CombMNZ.
_HIT = 1e-6


def _hits(row: Weighted) -> float:
    return sum(score > _HIT for _, score in row) * _sum(row)


_COMBINATIONS: Mapping[str, Callable[[Weighted], float]] = {
    "sum": _sum,
    "mnz": lambda row: len(row) * _sum(row),
    "hits": _hits,
    "max": lambda row: max((weight * score for weight, score in row), default=0.0),
}
