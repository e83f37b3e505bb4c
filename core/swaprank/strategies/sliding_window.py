"""A window that slides over the list, each window reordered before the next one is asked about.

Sun et al., Is ChatGPT Good at Search? (2023). A window that the list or its head cuts short is asked about
as it is, so that lists shorter than a window get their one call and the head is always ranked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from ..scores.ranks import descending
from ..strategy import Rounds, Strategy, StrategyResult


class SlidingWindow(Strategy):
    """Windows from the end of the list to its head, so that the best passages rise.

    Attributes:
        window_size: Most passages in a window.
        step: How far the window moves; what two windows share decides how many passages can rise.
        num_repeat: Sweeps over the whole range; a sweep that changes nothing is the last.
        direction: ``"up"`` from the end to the head, ``"down"`` from the head to the end.
        rank_start: First place of the list that may be reordered, from 0.
        rank_end: End of the range that may be reordered; None for the end of the list.
    """

    name: ClassVar[str] = "sliding-window"
    keeps_scores: ClassVar[bool] = False

    window_size: int = Field(default=20, ge=2)
    step: int = Field(default=10, ge=1)
    num_repeat: int = Field(default=1, ge=1)
    direction: Literal["up", "down"] = "up"
    rank_start: int = Field(default=0, ge=0)
    rank_end: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _overlapping(self) -> Self:
        if self.step > self.window_size:
            raise ValueError(f"a step of {self.step} skips passages between windows of {self.window_size}")
        if self.rank_end is not None and self.rank_end <= self.rank_start:
            raise ValueError(f"rank_end {self.rank_end} leaves nothing after rank_start {self.rank_start}")
        return self

    def rounds(self, n: int) -> Rounds:
        """Order ``n`` passages with one window per round."""
        order = list(range(n))
        whole: Sequence[float] | None = None
        calls = 0
        for _ in range(self.num_repeat):
            before = order.copy()
            for start, end in self.windows(n):
                window = order[start:end]
                [scores] = yield [tuple(window)]
                calls += 1
                order[start:end] = [window[place] for place in descending(scores)]
                whole = scores if len(window) == n else None
            if order == before:
                break
        return StrategyResult(order=order, scores=whole if calls == 1 else None)

    def windows(self, n: int) -> Iterator[tuple[int, int]]:
        """Start and end of each window of a sweep over ``n`` passages; windows of one are left out."""
        low, high = self.rank_start, min(self.rank_end or n, n)
        start, end = high - self.window_size, high
        while end - max(start, low) > 1:
            top, bottom = max(start, low), end
            yield (top, bottom) if self.direction == "up" else (low + high - bottom, low + high - top)
            if start <= low:
                break
            start, end = start - self.step, end - self.step


STRATEGY = SlidingWindow
