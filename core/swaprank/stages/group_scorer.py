"""GroupScorer: one group of passages through a method, and what happens where the backend fails."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ..backend import Backend
from ..errors import BackendError, BackendTimeoutError, PromptTooLongError, ResponseError
from ..flow.flow import Answer, Flow, ask, relay, together
from ..method import GroupScores, Method
from ..requests import Request, Response
from ..strategies.groups import Groups
from ..strategies.sliding_window import SlidingWindow
from ..strategy import Rounds
from ..types import Call, Passage, Query, ScoreKind
from .play import is_read, merged, play, unread

# The least passages of a group that can be asked about in two smaller ones.
_SHRINKABLE = 3


@dataclass(slots=True)
class GroupScorer:
    """Scores groups of the candidates of one query.

    Attributes:
        method: How a group is asked about.
        backend: What answers.
        query: The query.
        partial: Whether a failure costs only the group that it struck, or the passage where these are scored alone.
        calls: The model calls made so far.
        errors: Why groups are unread.
        down: Whether the backend is taken to be out of order, so that it is not asked again.
    """

    method: Method
    backend: Backend
    query: Query
    partial: bool
    calls: list[Call] = field(default_factory=list)
    errors: list[BackendError] = field(default_factory=list)
    down: bool = False

    def flow(self, group: Sequence[Passage]) -> Flow[GroupScores]:
        """Score a group; without an answer all its scores are `UNREAD`.

        Raises:
            BackendError: There is no answer, and either partial results are not wanted, or the scores of all
                passages were to come from this group.
        """
        if not self.partial:
            return (yield from self._ask(group))
        if self.method.scores_alone and len(group) > 1:
            return (yield from self._one_by_one(group))
        if self.down:
            return unread(len(group))
        try:
            return (yield from self._ask(group))
        except BackendError as error:
            if len(group) > 1 and not self.method.groups_stand_alone:
                raise
            self.errors.append(error)
            self.down |= error.retryable or isinstance(error, BackendTimeoutError)
            return unread(len(group))

    def _ask(self, group: Sequence[Passage]) -> Flow[GroupScores]:
        """Put the method's requests about a group; one whose only prompt is too long is scored in smaller groups."""
        requested = 0

        def answer(requests: list[Request]) -> Flow[list[Response]]:
            nonlocal requested
            requested = len(requests)
            answer = yield from ask(self.backend, requests)
            self.calls.append(self._call(answer))
            return list(answer.responses)

        try:
            scores = yield from relay(self.method.steps(self.query, group), answer)
        except PromptTooLongError:
            if requested > 1 or len(group) < _SHRINKABLE:
                raise
            return (yield from self._in_smaller_groups(group))
        self._check(scores, group)
        return scores

    def _one_by_one(self, group: Sequence[Passage]) -> Flow[GroupScores]:
        """Score each passage as a group of its own, still in the same batches, so that each may fail alone."""
        first = len(self.calls)
        alone = yield from together([self.flow([passage]) for passage in group])
        self.calls[first:] = _summed(self.calls[first:])
        read = [((place,), scores) for place, scores in enumerate(alone) if is_read(scores)]
        kind = read[-1][1].kind if read else ScoreKind.RANK
        return merged(len(group), read, scores=[scores.scores[0] for scores in alone], kind=kind)

    def _in_smaller_groups(self, group: Sequence[Passage]) -> Flow[GroupScores]:
        """Score a group by a strategy of its own, with groups of half the size, which may fail as any others."""
        _, scores = yield from play(self._halves(len(group)), group, self.flow)
        return scores

    def _halves(self, n: int) -> Rounds:
        """Two groups where their scores compare, else a window that slides over the group."""
        size = (n + 1) // 2
        if self.method.scores_compare:
            return Groups(group_size=size).rounds(n)
        return SlidingWindow(window_size=size, step=size // 2).rounds(n)

    def _check(self, scores: GroupScores, group: Sequence[Passage]) -> None:
        for score, passage in zip(scores.scores, group, strict=True):
            if not math.isfinite(score):
                raise ResponseError(
                    f"{self.method.name!r} on the {self.backend.name} backend scored the passage "
                    f"{passage.content[:60]!r} as {score!r}, which cannot be ranked."
                )

    def _call(self, answer: Answer) -> Call:
        usages = [response.usage for response in answer.responses]
        return Call(
            method=self.method.name,
            backend=self.backend.name,
            model=self.backend.model,
            requests=sum(usage.requests for usage in usages),
            input_tokens=sum(usage.input_tokens for usage in usages),
            output_tokens=sum(usage.output_tokens for usage in usages),
            seconds=answer.seconds,
            cut=sum(usage.cut for usage in usages),
            cached=sum(usage.cached for usage in usages),
            billed_units=sum(usage.billed_units for usage in usages),
        )


def _summed(calls: Sequence[Call]) -> list[Call]:
    """Calls made side by side as one."""
    if not calls:
        return []
    return [
        replace(
            calls[0],
            requests=sum(call.requests for call in calls),
            input_tokens=sum(call.input_tokens for call in calls),
            output_tokens=sum(call.output_tokens for call in calls),
            seconds=sum(call.seconds for call in calls),
            cut=sum(call.cut for call in calls),
            cached=sum(call.cached for call in calls),
            billed_units=sum(call.billed_units for call in calls),
        )
    ]
