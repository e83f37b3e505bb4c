"""Top-down partitioning: rank one window, and look in the rest only for what beats its pivot.

Parry et al., Top-Down Partitioning for Efficient List-Wise Ranking (2024). The partitions of a round are
independent, so that a list takes a few rounds instead of one call after the other.
"""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, model_validator

from ..scores.ranks import descending
from ..strategy import Rounds, Strategy, StrategyResult


class TopDown(Strategy):
    """Exact at the top, first-stage order at the bottom, where it was never worth a call.

    Attributes:
        window_size: Most passages asked about at once.
        pivot: Which place of the first window the others must beat, from 1; None for the middle.
    """

    name: ClassVar[str] = "top-down"
    keeps_scores: ClassVar[bool] = False

    window_size: int = Field(default=20, ge=3)
    pivot: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _inside(self) -> Self:
        if self.pivot is not None and self.pivot >= self.window_size:
            raise ValueError(f"pivot {self.pivot} is not inside a window of {self.window_size}")
        return self

    def rounds(self, n: int) -> Rounds:
        """Order ``n`` passages: a window, the rest against its pivot, and again with what beat it."""
        alive = list(range(n))
        settled: list[int] = []
        while len(alive) > 1:
            head, rest = alive[: self.window_size], alive[self.window_size :]
            [scores] = yield [tuple(head)]
            ranked = [head[place] for place in descending(scores)]
            if not rest:
                return StrategyResult(order=ranked + settled, scores=scores if not settled else None)
            place = (self.pivot or self.window_size // 2) - 1
            above, pivot, below = ranked[:place], ranked[place], ranked[place + 1 :]
            size = self.window_size - 1
            groups = [(pivot, *rest[start : start + size]) for start in range(0, len(rest), size)]
            answers = yield list(groups)
            found: list[int] = []
            for group, scores in zip(groups, answers, strict=True):
                order = [group[one] for one in descending(scores)]
                found += order[: order.index(pivot)]
                below += order[order.index(pivot) + 1 :]
            settled = [pivot, *below, *settled]
            if not found:
                return StrategyResult(order=above + settled)
            alive = above + found
        return StrategyResult(order=alive + settled)


STRATEGY = TopDown
