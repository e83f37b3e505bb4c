"""One group of all passages, asked about once: for methods that score each passage on its own."""

from __future__ import annotations

from typing import ClassVar

from ..scores.ranks import descending
from ..strategy import Rounds, Strategy, StrategyResult


class AllAtOnce(Strategy):
    """Hands the whole list to the method in one round and orders by its scores."""

    name: ClassVar[str] = "all-at-once"

    def rounds(self, n: int) -> Rounds:
        """Order ``n`` passages with a single group."""
        [scores] = yield [tuple(range(n))]
        return StrategyResult(order=descending(scores), scores=scores)


STRATEGY = AllAtOnce
