"""What is known of scores before anything is scored, and which limits make sense on them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..errors import ConfigError
from ..scores.relevance import Evidence
from ..types import ScoreKind

if TYPE_CHECKING:
    from .stage import Limits

SIGMOID = frozenset({ScoreKind.LOGIT, ScoreKind.PROBABILITY})
"""What ``normalize: sigmoid`` applies to."""

RELATIVE = frozenset({ScoreKind.RANK, ScoreKind.RETRIEVAL, ScoreKind.FUSED})
"""Kinds that say how passages compare with each other, and nothing of one alone."""

_BESIDE = " score_threshold needs no sigmoid here: it is compared with the relevance of each passage."


@dataclass(frozen=True)
class Scale:
    """What the scores of a ranker mean.

    Attributes:
        kinds: The kinds they may be of; empty where only a query can tell.
        absolute: Whether a score means the same for every query and candidate list.
        relevance: Whether there is a relevance beside each score.
        evidence: What is found in each passage by itself, by name.
        why: Why the scores are not absolute.
    """

    kinds: frozenset[ScoreKind]
    absolute: bool
    relevance: bool = False
    evidence: frozenset[str] = frozenset()
    why: str = ""

    def limited(self, limits: Limits) -> Scale:
        """The same once a stage has applied its limits."""
        relevance = self.relevance or limits.relevance is not None
        if limits.normalize == "minmax":
            why = "minmax scales the scores of each list by themselves"
            return replace(self, kinds=frozenset({ScoreKind.OTHER}), absolute=False, relevance=relevance, why=why)
        kinds = frozenset({ScoreKind.PROBABILITY}) if limits.normalize == "sigmoid" else self.kinds
        return replace(self, kinds=kinds, relevance=relevance)


def check_limits(limits: Limits, scale: Scale, where: str) -> None:
    """Refuse limits that make no sense on these scores.

    Args:
        limits: The limits of a stage.
        scale: The scores of its ranker.
        where: The place in the config, for messages.

    Raises:
        ConfigError: A sigmoid of what is no logit, a map of scores that mean nothing by themselves, a break looked
            for in ranks, or a threshold where there is nothing to compare it with.
    """
    _check_map(limits, scale, where)
    if limits.select is not None and limits.normalize != "minmax" and scale.kinds == {ScoreKind.RANK}:
        raise ConfigError(
            f"{where}: select looks for a break in scores, and these are ranks{_because(scale)}, which always break at "
            "the same place.",
            hint="Use top_n.",
        )
    if limits.normalize == "sigmoid" and scale.kinds and not (scale.absolute and scale.kinds & SIGMOID):
        raise ConfigError(
            f"{where}: normalize: sigmoid applies to logits of relevance, and these scores are "
            f"{_named(scale.kinds)}{_because(scale)}.",
            hint=f"Use normalize: minmax, or none.{_BESIDE if scale.relevance or limits.relevance else ''}",
        )
    if limits.score_threshold is None or limits.normalize == "minmax":
        return
    if not scale.relevance and limits.relevance is None:
        if not scale.absolute:
            raise ConfigError(
                f"{where}: score_threshold {limits.score_threshold} has nothing to be compared with: these scores are "
                f"{_named(scale.kinds)}{_because(scale)}.",
                hint="Use top_n, or normalize: minmax for a threshold relative to the list.",
            )
    elif not 0 <= limits.score_threshold <= 1:
        raise ConfigError(
            f"{where}: score_threshold is {limits.score_threshold}, and is compared with the relevance, from 0 to 1.",
            hint="Of a logit x that is 1 / (1 + exp(-x)); docs/scores.md has the maps of the other kinds.",
        )


def _check_map(limits: Limits, scale: Scale, where: str) -> None:
    how = limits.relevance
    if isinstance(how, Evidence):
        weighed = how.weights.keys() | (how.otherwise.weights.keys() if how.otherwise else set())
        missing = sorted(weighed - scale.evidence)
        if missing:
            known = f"what is found here: {', '.join(sorted(scale.evidence))}" if scale.evidence else "nothing is"
            raise ConfigError(
                f"{where}.relevance weighs {missing[0]!r}, which no method here finds ({known}).",
                hint="Set relevance: null, or calibrate one.",
            )
    elif how is not None and not scale.absolute and not scale.relevance:
        raise ConfigError(
            f"{where}.relevance maps scores that mean the same for every query, and these are "
            f"{_named(scale.kinds)}{_because(scale)}.",
            hint="Use top_n.",
        )


def _named(kinds: Collection[ScoreKind]) -> str:
    return f"of kind {' or '.join(sorted(repr(kind.value) for kind in kinds))}" if kinds else "of an unknown kind"


def _because(scale: Scale) -> str:
    return f" ({scale.why})" if scale.why else ""
