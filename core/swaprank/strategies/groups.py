"""Fixed groups whose scores are merged: for methods whose scores are comparable between groups.

As GroupRank runs it (AQ-MedAI/Diver, Apache-2.0): groups taken in order or shuffled, several rounds, mean
score. All groups of all rounds are independent and travel together.
"""

from __future__ import annotations

import random
from typing import ClassVar, Self

from pydantic import Field, model_validator

from ..scores.ranks import descending
from ..strategy import UNREAD, Rounds, Strategy, StrategyResult


class Groups(Strategy):
    """Orders by the mean of the scores a passage got in the groups it was in.

    Attributes:
        group_size: Most passages in a group.
        interval: A group starts at every so many passages; None for `group_size`. Smaller, and groups
            overlap.
        num_rounds: How often the list is cut into groups; more than once needs a `seed`.
        seed: Shuffle the list before each round; None keeps its order.
    """

    name: ClassVar[str] = "groups"

    group_size: int = Field(default=10, ge=2)
    interval: int | None = Field(default=None, ge=1)
    num_rounds: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _covering(self) -> Self:
        if self.interval is not None and self.interval > self.group_size:
            raise ValueError(f"an interval of {self.interval} skips passages between groups of {self.group_size}")
        if self.num_rounds > 1 and self.seed is None:
            raise ValueError(f"num_rounds {self.num_rounds} without a seed asks the same again")
        return self

    def rounds(self, n: int) -> Rounds:
        """Order ``n`` passages in one round."""
        chance = random.Random(self.seed)
        groups: list[tuple[int, ...]] = []
        for _ in range(self.num_rounds):
            order = list(range(n))
            if self.seed is not None:
                chance.shuffle(order)
            starts = range(0, n, self.interval or self.group_size)
            groups += [tuple(order[start : start + self.group_size]) for start in starts]
        answers = yield groups
        sums, counts = [0.0] * n, [0] * n
        for group, scores in zip(groups, answers, strict=True):
            for index, score in zip(group, scores, strict=True):
                if score != UNREAD:
                    sums[index] += score
                    counts[index] += 1
        means = [total / count if count else UNREAD for total, count in zip(sums, counts, strict=True)]
        return StrategyResult(order=descending(means), scores=means)


STRATEGY = Groups
