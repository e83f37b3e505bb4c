"""Heap sort driven by picks: the best of a node and its children rises, until the top k are known.

Zhuang et al., A Setwise Approach for Effective and Highly Efficient Zero-shot Ranking (2023), with pairs as
in Qin et al., Large Language Models are Effective Text Rankers with Pairwise Ranking Prompting (2023).
Same order and calls as ielab/llm-rankers (Apache-2.0, https://github.com/ielab/llm-rankers); while the heap
is built, the nodes of a level are asked about together.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import ClassVar

from pydantic import Field

from ..scores.ranks import best
from ..strategy import Group, Rounds, Strategy, StrategyResult


class HeapSort(Strategy):
    """Ranks the top k; the rest follow in the given order.

    Attributes:
        num_child: Children of a node.
        k: How many places are ranked.
        set_size: Most passages asked about at once; None for a node with all its children.
    """

    name: ClassVar[str] = "heap-sort"
    keeps_scores: ClassVar[bool] = False

    num_child: int = Field(default=3, ge=1)
    k: int = Field(default=10, ge=1)
    set_size: int | None = Field(default=None, ge=2)

    def rounds(self, n: int) -> Rounds:
        """Order ``n`` passages: build the heap level by level, then take the best k times."""
        heap = list(range(n))
        for level in reversed(self._levels(n)):
            sifts = [self._sift(heap, n, node) for node in level]
            yield from _side_by_side(sifts)
        top = []
        for last in range(n - 1, -1, -1):
            heap[0], heap[last] = heap[last], heap[0]
            top.append(heap[last])
            if len(top) == self.k:
                break
            yield from _side_by_side([self._sift(heap, last, 0)])
        ranked = set(top)
        return StrategyResult(order=[*top, *(index for index in range(n) if index not in ranked)])

    def _levels(self, n: int) -> list[range]:
        """The nodes of each level that have children."""
        levels, start, width = [], 0, 1
        while start * self.num_child + 1 < n:
            levels.append(range(start, min(start + width, n)))
            start, width = start + width, width * self.num_child
        return levels

    def _sift(self, heap: list[int], size: int, node: int) -> Generator[Group, Sequence[float], None]:
        """Let a passage sink until it is the best of its family; a tie leaves the parent in place."""
        at_once = (self.set_size or self.num_child + 1) - 1
        while True:
            first = node * self.num_child + 1
            children = range(first, min(first + self.num_child, size))
            largest = node
            for start in range(0, len(children), at_once):
                shown = [largest, *children[start : start + at_once]]
                scores = yield tuple(heap[place] for place in shown)
                largest = shown[best(scores)]
            if largest == node:
                return
            heap[node], heap[largest] = heap[largest], heap[node]
            node = largest


def _side_by_side(
    sifts: list[Generator[Group, Sequence[float], None]],
) -> Generator[list[Group], list[Sequence[float]], None]:
    """Advance independent sifts together; one that ends early does not hold the others."""
    waiting = [(sift, group) for sift in sifts if (group := next(sift, None)) is not None]
    while waiting:
        answers = yield [group for _, group in waiting]
        advanced = []
        for (sift, _), scores in zip(waiting, answers, strict=True):
            try:
                advanced.append((sift, sift.send(scores)))
            except StopIteration:
                continue
        waiting = advanced


STRATEGY = HeapSort
