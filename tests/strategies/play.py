"""Driving a strategy without a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from swaprank.stages import consistency
from swaprank.strategy import Group, Strategy, StrategyResult


def outcome(
    strategy: Strategy, n: int, judge: Callable[[Group], Sequence[float]]
) -> tuple[StrategyResult, list[list[Group]]]:
    """Where the strategy ends, and the groups of each round."""
    rounds = consistency.rounds(strategy, n)
    asked: list[list[Group]] = []
    try:
        groups = next(rounds)
        while True:
            asked.append(groups)
            groups = rounds.send([judge(group) for group in groups])
    except StopIteration as stop:
        return stop.value, asked


def play(strategy: Strategy, n: int, judge: Callable[[Group], Sequence[float]]) -> tuple[list[int], list[list[Group]]]:
    """The order the strategy ends with, and the groups of each round."""
    end, asked = outcome(strategy, n, judge)
    return list(end.order), asked
