"""Scorer = method x strategy x backend: the only place where the three meet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from . import consistency, registry
from .backend import Backend
from .errors import CapabilityError, PromptTooLongError, ResponseError
from .flow import Answer, Flow, ask, together
from .method import Method, Reading
from .requests import Capability, Request
from .strategies.groups import Groups
from .strategies.sliding_window import SlidingWindow
from .strategy import Group, Outcome, Rounds, Strategy
from .types import Call, Failure, Passage, Query, Ranking, ScoreKind

# The least passages of a group that can be asked about in two smaller ones.
_SHRINKABLE = 3


@dataclass(slots=True)
class Scored:
    """A full permutation of a candidate list, before any limit is applied.

    Attributes:
        order: A permutation of all indices, best first.
        scores: One per index, falling along `order`.
        kind: What the scores mean.
        kept: How many of the first places survive a cascade's own limits; None for all.
        repairs: Places of model output mended by rule.
        reasoning: What the model said, by index.
        calls: The model calls made.
        failures: Failures bridged inside (by stages of a cascade).
        coverage: Share of the text that the model's vocabulary covers.
        sub_questions: The sub-questions a passage was found for, by index.
    """

    order: list[int]
    scores: list[float]
    kind: ScoreKind
    kept: int | None = None
    repairs: int = 0
    reasoning: dict[int, str] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    coverage: float | None = None
    sub_questions: dict[int, tuple[str, ...]] = field(default_factory=dict)

    def add(self, ranking: Ranking, indices: Sequence[int]) -> None:
        """Take over what a ranking reports beside its order and scores.

        Args:
            ranking: What a stage inside said.
            indices: Which candidate each of its passages is.
        """
        self.repairs += ranking.repairs
        self.calls += ranking.calls
        self.failures += ranking.failures
        for ranked in ranking.passages:
            if ranked.reasoning:
                self.reasoning[indices[ranked.index]] = ranked.reasoning
            if ranked.sub_questions:
                self.sub_questions[indices[ranked.index]] = ranked.sub_questions

    def within(self, indices: Sequence[int], count: int) -> Scored:
        """The same, told of some of ``count`` candidates; the others come behind, in their order, and are not kept.

        Args:
            indices: Which candidate each of these is.
            count: How many candidates there are.
        """
        held = set(indices)
        rest = [index for index in range(count) if index not in held]
        scores = dict(zip(indices, self.scores, strict=True)) | behind(min(self.scores, default=0.0), rest)
        return replace(
            self,
            order=[*(indices[place] for place in self.order), *rest],
            scores=[scores[index] for index in range(count)],
            kept=len(self.order) if self.kept is None else self.kept,
            reasoning={indices[place]: text for place, text in self.reasoning.items()},
            sub_questions={indices[place]: asked for place, asked in self.sub_questions.items()},
        )


def behind(floor: float, indices: Sequence[int]) -> dict[int, float]:
    """Scores for candidates that come behind all others: one less than the floor for each rank."""
    return {index: floor - distance for distance, index in enumerate(indices, start=1)}


class Scores(Protocol):
    """Anything that can order candidates: a `Scorer`, a fusion, a cascade."""

    @property
    def takes_instruction(self) -> bool:
        """Whether `Query.instruction` is read by any method in it."""
        ...

    def flow(self, query: Query, passages: Sequence[Passage], previous: Sequence[float] | None) -> Flow[Scored]:
        """Order the passages; ``previous`` are the scores of the stage before, where there is one."""
        ...


@dataclass(frozen=True)
class Scorer:
    """A method asked along a strategy, answered by a backend.

    Args:
        method: How a group is asked about.
        strategy: Which groups are asked about.
        backend: What answers.

    Raises:
        CapabilityError: The backend lacks something the method needs.
    """

    method: Method
    strategy: Strategy
    backend: Backend

    def __post_init__(self) -> None:
        check_capabilities(self.method, self.backend.name, self.backend.capabilities)

    @property
    def takes_instruction(self) -> bool:
        """Whether the method reads `Query.instruction`."""
        return self.method.takes_instruction

    def flow(self, query: Query, passages: Sequence[Passage], previous: Sequence[float] | None) -> Flow[Scored]:
        """Order the passages by the method's scores; ``previous`` is not read."""
        passages = self.method.prepared(query, passages)
        calls: list[Call] = []
        order, reading = yield from self._played(
            query, passages, consistency.rounds(self.strategy, len(passages)), calls
        )
        return Scored(
            order=order,
            scores=list(reading.scores),
            kind=reading.kind,
            repairs=reading.repairs,
            reasoning={index: text for index, text in enumerate(reading.reasoning) if text},
            calls=calls,
            coverage=reading.coverage,
        )

    def _played(
        self, query: Query, passages: Sequence[Passage], rounds: Rounds, calls: list[Call]
    ) -> Flow[tuple[list[int], Reading]]:
        """A strategy played to its end: its order, and everything that was read, by passage."""
        answers: list[Sequence[float]] | None = None
        kind, repairs = ScoreKind.RANK, 0
        reasoning: list[str | None] = [None] * len(passages)
        coverages: list[float] = []
        while True:
            try:
                groups = next(rounds) if answers is None else rounds.send(answers)
            except StopIteration as stop:
                outcome: Outcome = stop.value
                break
            readings = yield from together([self._read(query, passages, group, calls) for group in groups])
            for group, reading in zip(groups, readings, strict=True):
                kind = reading.kind
                repairs += reading.repairs
                for index, text in zip(group, reading.reasoning, strict=False):
                    reasoning[index] = text or reasoning[index]
                if reading.coverage is not None:
                    coverages.append(reading.coverage)
            answers = [reading.scores for reading in readings]
        order = list(outcome.order)
        scored = outcome.scores is not None
        return order, Reading(
            scores=[float(score) for score in outcome.scores] if outcome.scores is not None else rank_scores(order),
            kind=kind if scored else ScoreKind.RANK,
            repairs=repairs,
            reasoning=reasoning,
            coverage=sum(coverages) / len(coverages) if coverages else None,
        )

    def _read(self, query: Query, passages: Sequence[Passage], group: Group, calls: list[Call]) -> Flow[Reading]:
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
                calls.append(self._call(answer))
                requests = steps.send(list(answer.responses))
        except StopIteration as stop:
            reading: Reading = stop.value
        except PromptTooLongError:
            if len(requests) > 1 or len(group) < _SHRINKABLE:
                raise
            _, reading = yield from self._played(query, shown, self._smaller(len(group)), calls)
        for position, score in enumerate(reading.scores):
            if not math.isfinite(score):
                raise ResponseError(
                    f"{self.method.name!r} on the {self.backend.name} backend scored passage "
                    f"{group[position]} as {score!r}, which cannot be ranked."
                )
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


def rank_scores(order: Sequence[int]) -> list[float]:
    """Scores for a bare order: 1/rank, by index; 1.0 for the best."""
    scores = [0.0] * len(order)
    for place, index in enumerate(order, start=1):
        scores[index] = 1.0 / place
    return scores


def check_capabilities(method: Method, backend: str, offered: frozenset[Capability]) -> None:
    """Refuse a backend that lacks something a method needs.

    Raises:
        CapabilityError: The message names the backends that have it.
    """
    check_needs(method.name, method.required, backend, offered)


def check_needs(asker: str, needs: frozenset[Capability], backend: str, offered: frozenset[Capability]) -> None:
    """As `check_capabilities`, for anything that asks a backend."""
    missing = needs - offered
    if missing:
        raise CapabilityError(
            f"{asker!r} needs {', '.join(sorted(missing))}; the {backend} backend "
            f"offers {', '.join(sorted(offered)) or 'nothing'}.",
            hint=_who_offers(missing),
        )


def _who_offers(missing: frozenset[Capability]) -> str:
    offers = []
    for name in registry.names("backend"):
        options = registry.backend(name)
        if missing <= options.capabilities:
            offers.append(options.offering(missing))
    return f"Offered by: {', '.join(offers)}." if offers else "No installed backend offers it."
