"""How far a model prefers one of two words: what every method reads that asks for yes or no."""

from __future__ import annotations

from collections.abc import Sequence

from ..requests import LabelScores


def margins(scores: Sequence[LabelScores]) -> list[float]:
    """The logit of the first word minus that of the second, each; its sigmoid is the first's probability."""
    return [one.logprobs[0] - one.logprobs[1] for one in scores]
