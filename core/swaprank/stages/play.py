"""Playing a strategy: its groups are scored, until it has an order."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ..flow.flow import Flow, relay, together
from ..method import GroupScores
from ..scores.ranks import rank_scores
from ..strategy import UNREAD, Group, Rounds
from ..types import Passage, ScoreKind


def play(
    rounds: Rounds, passages: Sequence[Passage], score: Callable[[Sequence[Passage]], Flow[GroupScores]]
) -> Flow[tuple[list[int], GroupScores]]:
    """Play a strategy to its end.

    Args:
        rounds: The strategy over so many passages.
        passages: What its indices stand for.
        score: Scores one group; all of them `UNREAD` where no answer came.

    Returns:
        The order, best first, and what was read about each passage by index: the scores of the strategy, or else
        1/rank; all of them `UNREAD` where no group was answered.
    """
    read: list[tuple[Group, GroupScores]] = []
    asked = 0

    def answer(groups: list[Group]) -> Flow[list[Sequence[float]]]:
        nonlocal asked
        scores = yield from together([score([passages[index] for index in group]) for group in groups])
        asked += len(groups)
        read.extend(pair for pair in zip(groups, scores, strict=True) if is_read(pair[1]))
        return [one.scores for one in scores]

    result = yield from relay(rounds, answer)
    order = list(result.order)
    if asked and not read:
        return order, unread(len(passages))
    return order, merged(
        len(passages),
        read,
        scores=rank_scores(order) if result.scores is None else [float(score) for score in result.scores],
        kind=read[-1][1].kind if read and result.scores is not None else ScoreKind.RANK,
    )


def merged(
    count: int, groups: Sequence[tuple[Group, GroupScores]], *, scores: Sequence[float], kind: ScoreKind
) -> GroupScores:
    """What was read about several groups as one group of all passages.

    Args:
        count: How many passages there are.
        groups: The indices of each group, and what was read about it; of reasoning and quotes the last counts.
        scores: The score of each passage.
        kind: What these scores mean.
    """
    reasoning: list[str | None] = [None] * count
    quotes: list[str | None] = [None] * count
    for group, one in groups:
        for index, text in zip(group, one.reasoning, strict=False):
            reasoning[index] = text or reasoning[index]
        for index, text in zip(group, one.quotes, strict=False):
            quotes[index] = text or quotes[index]
    evidence: dict[str, list[float]] = {}
    for group, one in groups:
        for name, found in one.evidence.items():
            values = evidence.setdefault(name, [math.nan] * count)
            for index, value in zip(group, found, strict=True):
                values[index] = value
    coverages = [one.coverage for _, one in groups if one.coverage is not None]
    return GroupScores(
        scores=scores,
        kind=kind,
        repairs=sum(one.repairs for _, one in groups),
        reasoning=reasoning,
        quotes=quotes,
        coverage=sum(coverages) / len(coverages) if coverages else None,
        evidence=evidence,
        explained=groups[0][1].explained if len(groups) == 1 else None,
        warnings=list(dict.fromkeys(text for _, one in groups for text in one.warnings)),
    )


def unread(count: int) -> GroupScores:
    """Nothing is known of a group: strategies keep its order."""
    return GroupScores(scores=[UNREAD] * count, kind=ScoreKind.RANK)


def is_read(scores: GroupScores) -> bool:
    """Whether anything is known of the group."""
    return any(score != UNREAD for score in scores.scores)
