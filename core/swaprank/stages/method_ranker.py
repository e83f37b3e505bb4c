"""MethodRanker = method x strategy x backend: the only place where the three meet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from ..backend import Backend
from ..errors import BackendError, BackendTimeoutError, PromptTooLongError, ResponseError
from ..flow.flow import Answer, Flow, ask, together
from ..method import GroupScores, Method
from ..requests import Request
from ..scores.ranks import rank_scores, unread_behind
from ..strategies.groups import Groups
from ..strategies.sliding_window import SlidingWindow
from ..strategy import UNREAD, Group, Rounds, Strategy, StrategyResult
from ..types import Call, Failure, Passage, Query, ScoreKind
from . import consistency
from .candidate_scores import CandidateScores

# Families of which a group may fail without the others.
_BY_GROUP = ("pairwise", "setwise", "listwise", "groupwise")
# The least passages of a group that can be asked about in two smaller ones.
_SHRINKABLE = 3


@dataclass(slots=True)
class _Run:
    """What happens while one query is scored.

    Attributes:
        kind: What the scores mean that were read last.
        calls: The model calls made.
        answered: How many groups were read.
        errors: Why other groups were not.
        down: Whether the backend is taken to be out of order, so that it is not asked again.
    """

    kind: ScoreKind = ScoreKind.RANK
    calls: list[Call] = field(default_factory=list)
    answered: int = 0
    errors: list[BackendError] = field(default_factory=list)
    down: bool = False


class Ranker(Protocol):
    """Anything that can order candidates: a `MethodRanker`, a fusion, a cascade."""

    @property
    def takes_instruction(self) -> bool:
        """Whether `Query.instruction` is read by any method in it."""
        ...

    def flow(
        self, query: Query, passages: Sequence[Passage], previous: Sequence[float] | None
    ) -> Flow[CandidateScores]:
        """Order the passages; ``previous`` are the scores of the stage before, where there is one."""
        ...


@dataclass(frozen=True)
class MethodRanker:
    """A method asked along a strategy, answered by a backend.

    Args:
        method: How a group is asked about.
        strategy: Which groups are asked about.
        backend: What answers.
        partial: Whether groups that could not be asked about keep their order, as long as others could.
    """

    method: Method
    strategy: Strategy
    backend: Backend
    partial: bool = False

    @property
    def takes_instruction(self) -> bool:
        """Whether the method reads `Query.instruction`."""
        return self.method.takes_instruction

    def flow(
        self, query: Query, passages: Sequence[Passage], previous: Sequence[float] | None
    ) -> Flow[CandidateScores]:
        """Order the passages by the method's scores; ``previous`` is not read."""
        passages = self.method.prepared(query, passages)
        run = _Run()
        order, reading = yield from self._played(query, passages, consistency.rounds(self.strategy, len(passages)), run)
        if run.errors and not run.answered:
            raise run.errors[0]
        return CandidateScores(
            order=order,
            scores=unread_behind(reading.scores, order),
            kind=reading.kind,
            repairs=reading.repairs,
            reasoning={index: text for index, text in enumerate(reading.reasoning) if text},
            calls=run.calls,
            failures=[Failure(self.method.name, message, "partial") for message in dict.fromkeys(map(str, run.errors))],
            coverage=reading.coverage,
        )

    def _played(
        self, query: Query, passages: Sequence[Passage], rounds: Rounds, run: _Run
    ) -> Flow[tuple[list[int], GroupScores]]:
        """A strategy played to its end: its order, and everything that was read, by passage."""
        answers: list[Sequence[float]] | None = None
        repairs = 0
        reasoning: list[str | None] = [None] * len(passages)
        coverages: list[float] = []
        while True:
            try:
                groups = next(rounds) if answers is None else rounds.send(answers)
            except StopIteration as stop:
                outcome: StrategyResult = stop.value
                break
            readings = yield from together([self._bridged(query, passages, group, run) for group in groups])
            for group, reading in zip(groups, readings, strict=True):
                repairs += reading.repairs
                for index, text in zip(group, reading.reasoning, strict=False):
                    reasoning[index] = text or reasoning[index]
                if reading.coverage is not None:
                    coverages.append(reading.coverage)
            answers = [reading.scores for reading in readings]
        order = list(outcome.order)
        scored = outcome.scores is not None
        return order, GroupScores(
            scores=[float(score) for score in outcome.scores] if outcome.scores is not None else rank_scores(order),
            kind=run.kind if scored else ScoreKind.RANK,
            repairs=repairs,
            reasoning=reasoning,
            coverage=sum(coverages) / len(coverages) if coverages else None,
        )

    def _bridged(self, query: Query, passages: Sequence[Passage], group: Group, run: _Run) -> Flow[GroupScores]:
        """As `_read`; where partial results are wanted, a group that fails is read as if nothing were known of it."""
        if self.partial and self.method.family == "pointwise" and len(group) > 1:
            return (yield from self._one_by_one(query, passages, group, run))
        if run.down:
            return _unread(group)
        try:
            reading = yield from self._read(query, passages, group, run)
        except BackendError as error:
            if not self.partial or (len(group) > 1 and self.method.family not in _BY_GROUP):
                raise
            run.errors.append(error)
            if error.retryable or isinstance(error, BackendTimeoutError):
                run.down = True
            return _unread(group)
        return reading

    def _one_by_one(self, query: Query, passages: Sequence[Passage], group: Group, run: _Run) -> Flow[GroupScores]:
        """The passages of a group each by itself, still in the same batches, so that each may fail alone."""
        first = len(run.calls)
        readings = yield from together([self._bridged(query, passages, (index,), run) for index in group])
        run.calls[first:] = _summed(run.calls[first:])
        coverages = [reading.coverage for reading in readings if reading.coverage is not None]
        return GroupScores(
            scores=[reading.scores[0] for reading in readings],
            kind=run.kind,
            repairs=sum(reading.repairs for reading in readings),
            reasoning=[next(iter(reading.reasoning), None) for reading in readings],
            coverage=sum(coverages) / len(coverages) if coverages else None,
        )

    def _read(self, query: Query, passages: Sequence[Passage], group: Group, run: _Run) -> Flow[GroupScores]:
        """One group through the method, with every round of requests recorded.

        A group whose one prompt is too long for the model is asked about in smaller ones.
        """
        shown = [passages[index] for index in group]
        steps = self.method.steps(query, shown)
        requests: Sequence[Request] = ()
        try:
            requests = next(steps)
            while True:
                answer = yield from ask(self.backend, requests)
                run.calls.append(self._call(answer))
                requests = steps.send(list(answer.responses))
        except StopIteration as stop:
            reading: GroupScores = stop.value
        except PromptTooLongError:
            if len(requests) > 1 or len(group) < _SHRINKABLE:
                raise
            return (yield from self._halved(query, shown, run))
        for position, score in enumerate(reading.scores):
            if not math.isfinite(score):
                raise ResponseError(
                    f"{self.method.name!r} on the {self.backend.name} backend scored passage "
                    f"{group[position]} as {score!r}, which cannot be ranked."
                )
        run.kind = reading.kind
        run.answered += 1
        return reading

    def _halved(self, query: Query, shown: Sequence[Passage], run: _Run) -> Flow[GroupScores]:
        """A group that is too long for one prompt, in smaller ones, of which some may fail as any others."""
        inner = _Run(calls=run.calls, errors=run.errors, down=run.down)
        _, reading = yield from self._played(query, shown, self._smaller(len(shown)), inner)
        run.down |= inner.down
        if not inner.answered:
            return _unread(range(len(shown)))
        run.kind = reading.kind
        run.answered += inner.answered
        return reading

    def _smaller(self, n: int) -> Rounds:
        """Half the size: two groups where scores are absolute, else a window that slides over the group."""
        size = (n + 1) // 2
        if self.method.family == "groupwise":
            return Groups(group_size=size).rounds(n)
        return SlidingWindow(window_size=size, step=size // 2).rounds(n)

    def _call(self, answer: Answer) -> Call:
        usages = [response.usage for response in answer.responses]
        return Call(
            method=self.method.name,
            backend=self.backend.name,
            model=self.backend.model,
            requests=len(usages),
            input_tokens=sum(usage.input_tokens for usage in usages),
            output_tokens=sum(usage.output_tokens for usage in usages),
            seconds=answer.seconds,
            cut=sum(usage.cut for usage in usages),
        )


def _unread(group: Sequence[int]) -> GroupScores:
    """Nothing is known of the group: strategies keep its order."""
    return GroupScores(scores=[UNREAD] * len(group), kind=ScoreKind.RANK)


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
        )
    ]
