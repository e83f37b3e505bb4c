"""The raw logit of one next token: what methods read whose models were trained without a second word to compare."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ..requests import LabelScores

logger = logging.getLogger(__name__)


def raw_logits(scores: Sequence[LabelScores], method: str) -> list[float]:
    """The logit of the first label, each; its log-probability, with a warning, where a backend knows no logits.

    Args:
        scores: What the backend answered.
        method: The name of the method, for the warning.
    """
    if any(not one.logits for one in scores):
        logger.warning("The backend returns no raw logits; %s ranks by log-probabilities instead.", method)
    return [one.logits[0] if one.logits else one.logprobs[0] for one in scores]
