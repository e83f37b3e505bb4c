"""Scorer = method x strategy x backend: the only place where the three meet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from . import registry
from .backend import Backend
from .errors import CapabilityError, ResponseError
from .flow import Flow, ask, together
from .method import Method, Reading
from .requests import Capability
from .strategy import Group, Strategy
from .types import Call, Failure, Passage, Query, Ranking, ScoreKind


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
        check_capabilities(type(self.method), self.backend.name, self.backend.capabilities)

    def flow(self, query: Query, passages: Sequence[Passage], previous: Sequence[float] | None) -> Flow[Scored]:
        """Order the passages by the method's scores; ``previous`` is not read."""
        result = Scored(order=[], scores=[], kind=ScoreKind.RANK)
        coverages: list[float] = []
        rounds = self.strategy.rounds(len(passages))
        answers: list[Sequence[float]] | None = None
        while True:
            try:
                groups = next(rounds) if answers is None else rounds.send(answers)
            except StopIteration as stop:
                outcome = stop.value
                break
            readings = yield from together([self._read(query, passages, group, result.calls) for group in groups])
            for group, reading in zip(groups, readings, strict=True):
                result.repairs += reading.repairs
                result.kind = reading.kind
                result.reasoning.update(
                    (index, text) for index, text in zip(group, reading.reasoning, strict=False) if text
                )
                if reading.coverage is not None:
                    coverages.append(reading.coverage)
            answers = [reading.scores for reading in readings]
        result.order = list(outcome.order)
        if outcome.scores is None:
            result.kind = ScoreKind.RANK
            result.scores = rank_scores(result.order)
        else:
            result.scores = [float(score) for score in outcome.scores]
        result.coverage = sum(coverages) / len(coverages) if coverages else None
        return result

    def _read(self, query: Query, passages: Sequence[Passage], group: Group, calls: list[Call]) -> Flow[Reading]:
        """One group through the method, with every round of requests recorded."""
        steps = self.method.steps(query, [passages[index] for index in group])
        try:
            requests = next(steps)
            while True:
                answer = yield from ask(self.backend, requests)
                calls.append(
                    Call(
                        method=self.method.name,
                        backend=self.backend.name,
                        model=self.backend.model,
                        requests=len(requests),
                        input_tokens=sum(response.usage.input_tokens for response in answer.responses),
                        output_tokens=sum(response.usage.output_tokens for response in answer.responses),
                        seconds=answer.seconds,
                    )
                )
                requests = steps.send(list(answer.responses))
        except StopIteration as stop:
            reading: Reading = stop.value
        for position, score in enumerate(reading.scores):
            if not math.isfinite(score):
                raise ResponseError(
                    f"{self.method.name!r} on the {self.backend.name} backend scored passage "
                    f"{group[position]} as {score!r}, which cannot be ranked."
                )
        return reading


def rank_scores(order: Sequence[int]) -> list[float]:
    """Scores for a bare order: 1/rank, by index; 1.0 for the best."""
    scores = [0.0] * len(order)
    for place, index in enumerate(order, start=1):
        scores[index] = 1.0 / place
    return scores


def check_capabilities(method: type[Method], backend: str, offered: frozenset[Capability]) -> None:
    """Refuse a backend that lacks something a method needs.

    Raises:
        CapabilityError: The message names the backends that have it.
    """
    check_needs(method.name, method.needs, backend, offered)


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
            offers.append(f'{name} (pip install "swaprank[{options.extra}]")' if options.extra else name)
    return f"Offered by: {', '.join(offers)}." if offers else "No installed backend offers it."
