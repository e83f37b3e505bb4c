"""Bubble sort driven by picks: small windows from the end to the head, the best of each moves to its front.

Zhuang et al., A Setwise Approach for Effective and Highly Efficient Zero-shot Ranking (2023); pairs are
windows of two. The official code (ielab/llm-rankers, Apache-2.0) saves calls by skipping the tail of the
list in later sweeps and can lose one of the top k that way. Here what was answered is remembered instead:
a window whose best passage has already won against all the others in it is not asked about.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from ..scores.ranks import best
from ..strategy import Group, Rounds, Strategy, StrategyResult


class BubbleSort(Strategy):
    """Ranks the top k, one sweep each; the rest follow in the given order.

    Attributes:
        num_child: How many passages a window holds besides its first.
        k: How many places are ranked.
    """

    name: ClassVar[str] = "bubble-sort"
    keeps_scores: ClassVar[bool] = False

    num_child: int = Field(default=3, ge=1)
    k: int = Field(default=10, ge=1)

    def rounds(self, n: int) -> Rounds:
        """Order ``n`` passages with one window per round."""
        order = list(range(n))
        known = _Known()
        k = min(self.k, n)
        for top in range(k):
            start = n - self.num_child - 1
            while True:
                place, end = max(start, top), start + self.num_child + 1
                shown = tuple(order[place:end])
                if len(shown) > 1:
                    winner = known.winner(shown)
                    if winner is None:
                        [scores] = yield [shown]
                        winner = known.learn(shown, scores)
                    order[place], order[place + winner] = order[place + winner], order[place]
                if place == top:
                    break
                start -= self.num_child
        ranked = set(order[:k])
        return StrategyResult(order=[*order[:k], *(index for index in range(n) if index not in ranked)])


class _Known:
    """What the answers so far have shown."""

    def __init__(self) -> None:
        self._lost: dict[int, set[int]] = {}
        self._held: dict[Group, int] = {}

    def learn(self, shown: Group, scores: Sequence[float]) -> int:
        """Remember an answer; the place of its winner. A tie is remembered for this very window only."""
        winner = best(scores)
        others = [place for place in range(len(shown)) if place != winner]
        if all(scores[place] < scores[winner] for place in others):
            self._lost.setdefault(shown[winner], set()).update(shown[place] for place in others)
        self._held[shown] = winner
        return winner

    def winner(self, shown: Group) -> int | None:
        """The place of the window's best passage, where it is known."""
        if shown in self._held:
            return self._held[shown]
        for place, index in enumerate(shown):
            if self._lost.get(index, set()).issuperset(other for other in shown if other != index):
                return place
        return None


STRATEGY = BubbleSort
