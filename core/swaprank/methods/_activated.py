"""Scores of methods whose model gives a logit, and whose ``activation`` says whether they are probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ..method import GroupScores
from ..scores.activation import sigmoid
from ..types import ScoreKind

Activation = Literal["identity", "sigmoid"]


def kinds(activation: Activation) -> frozenset[ScoreKind]:
    """Probabilities after a sigmoid, else logits."""
    return frozenset({ScoreKind.LOGIT if activation == "identity" else ScoreKind.PROBABILITY})


def activated(logits: Sequence[float], activation: Activation, *, warnings: Sequence[str] = ()) -> GroupScores:
    """The logits themselves, or their probabilities.

    Args:
        logits: One per passage.
        activation: ``"identity"`` or ``"sigmoid"``.
        warnings: What the caller should know about the passages.
    """
    if activation == "identity":
        return GroupScores(scores=logits, kind=ScoreKind.LOGIT, warnings=warnings)
    return GroupScores(scores=[sigmoid(logit) for logit in logits], kind=ScoreKind.PROBABILITY, warnings=warnings)
