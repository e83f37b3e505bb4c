"""Each passage in a group of its own; all groups are independent and travel together."""

from __future__ import annotations

from typing import ClassVar

from ..scores.ranks import descending
from ..strategy import Rounds, Strategy, StrategyResult


class OneByOne(Strategy):
    """For methods whose scores are absolute but whose prompt takes a single passage."""

    name: ClassVar[str] = "one-by-one"

    def rounds(self, n: int) -> Rounds:
        """Order ``n`` passages with ``n`` groups of one, in one round."""
        answers = yield [(index,) for index in range(n)]
        scores = [score for [score] in answers]
        return StrategyResult(order=descending(scores), scores=scores)


STRATEGY = OneByOne
