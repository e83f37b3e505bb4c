"""A tournament: groups are ranked side by side, the best of each meet again, until one group is left.

After Chen et al., TourRank: Utilizing Large Language Models for Documents Ranking with a Tournament-Inspired
Strategy (2024), one tournament. For several with shuffled groups, set ``permutations``.
"""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, model_validator

from ..scores.ranks import descending
from ..strategy import Rounds, Strategy, StrategyResult


class Tournament(Strategy):
    """About log(n) rounds whose groups are independent; a passage that drops out later ranks higher.

    Attributes:
        group_size: Most passages in a group. Passages are dealt in turn, so that the first stage's best
            do not meet early.
        advance: How many of a full group go on; smaller groups send on the same share, at least one.
    """

    name: ClassVar[str] = "tournament"
    keeps_scores: ClassVar[bool] = False

    group_size: int = Field(default=20, ge=2)
    advance: int = Field(default=10, ge=1)

    @model_validator(mode="after")
    def _narrowing(self) -> Self:
        if self.advance >= self.group_size:
            raise ValueError(f"advance {self.advance} lets everyone of a group of {self.group_size} go on")
        return self

    def rounds(self, n: int) -> Rounds:
        """Order ``n`` passages, one round per stage of the tournament."""
        alive = list(range(n))
        fallen: list[int] = []
        while len(alive) > self.group_size:
            count = -(-len(alive) // self.group_size)
            groups = [tuple(alive[first::count]) for first in range(count)]
            answers = yield groups
            winners: list[tuple[int, int]] = []
            losers: list[tuple[int, int]] = []
            for group, scores in zip(groups, answers, strict=True):
                quota = max(1, len(group) * self.advance // self.group_size)
                for place, index in enumerate(descending(scores)):
                    (winners if place < quota else losers).append((place, group[index]))
            alive = [index for _, index in sorted(winners)]
            fallen = [index for _, index in sorted(losers)] + fallen
        if len(alive) == 1:
            return StrategyResult(order=alive + fallen)
        [scores] = yield [tuple(alive)]
        order = [alive[place] for place in descending(scores)]
        return StrategyResult(order=order + fallen, scores=scores if not fallen else None)


STRATEGY = Tournament
