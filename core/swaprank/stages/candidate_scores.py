"""CandidateScores: what anything that orders candidates comes to, and how scores are made where a model gave none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..scores.ranks import behind
from ..types import Call, Failure, Highlight, Ranking, ScoreKind, Trace


@dataclass(slots=True)
class CandidateScores:
    """A full permutation of a candidate list, before any limit is applied.

    Attributes:
        order: A permutation of all indices, best first.
        scores: One per index, falling along `order`.
        kind: What the scores mean.
        kept: How many of the first places survive a cascade's own limits; None for all.
        repairs: Places of model output mended by rule.
        reasoning: What the model said, by index.
        calls: The model calls made.
        failures: Failures handled inside, by stages of a cascade.
        coverage: Share of the text that the model's vocabulary covers.
        explained: Share of the variance of the retrieval scores that the query's words explain.
        emphasis: By how much a fusion by evidence multiplies the weight of these scores.
        sub_questions: The sub-questions a passage was found for, by index.
        relevance: One per index, 0 to 1; None where it is not known.
        evidence: What was found in each passage by itself, by name; one per index.
        placed: The indices whose score only says their place behind all others: unread, or dropped on the way.
        quotes: What the model quoted of a passage, by index.
        rewritten_query: What the question was rewritten to; None where it was not.
        highlights: The parts of a passage that its score comes from, by index.
        warnings: What is probably not what was wanted; each once.
        unscored: What a budget did not suffice for.
        parts: What the stages inside did.
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
    explained: float | None = None
    emphasis: float = 1.0
    sub_questions: dict[int, tuple[str, ...]] = field(default_factory=dict)
    relevance: Sequence[float | None] = ()
    evidence: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    placed: frozenset[int] = frozenset()
    quotes: dict[int, str] = field(default_factory=dict)
    rewritten_query: str | None = None
    highlights: dict[int, tuple[Highlight, ...]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    unscored: list[int] = field(default_factory=list)
    parts: list[Trace] = field(default_factory=list)

    def add(self, ranking: Ranking, indices: Sequence[int]) -> None:
        """Take over what a ranking reports beside its order and scores.

        Args:
            ranking: The ranking of a stage inside.
            indices: Which candidate each of its passages is.
        """
        self.repairs += ranking.repairs
        self.calls += ranking.calls
        self.failures += ranking.failures
        self.rewritten_query = ranking.rewritten_query or self.rewritten_query
        self.warnings += [warning for warning in ranking.warnings if warning not in self.warnings]
        self.unscored += [indices[index] for index in ranking.unscored]
        if ranking.stage is not None and indices:
            self.parts.append(ranking.stage.within(indices))
        for ranked in ranking.passages:
            if ranked.reasoning:
                self.reasoning[indices[ranked.index]] = ranked.reasoning
            if ranked.sub_questions:
                self.sub_questions[indices[ranked.index]] = ranked.sub_questions
            if ranked.quote:
                self.quotes[indices[ranked.index]] = ranked.quote
            if ranked.highlights:
                self.highlights[indices[ranked.index]] = ranked.highlights

    def within(self, indices: Sequence[int], count: int) -> CandidateScores:
        """The same over all of ``count`` candidates; the others rank after these, in their order, and are not kept.

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
            sub_questions={indices[place]: texts for place, texts in self.sub_questions.items()},
            relevance=spread(self.relevance, indices, count),
            evidence={name: spread(values, indices, count) for name, values in self.evidence.items()},
            placed=frozenset(rest) | {indices[place] for place in self.placed},
            quotes={indices[place]: text for place, text in self.quotes.items()},
            highlights={indices[place]: spans for place, spans in self.highlights.items()},
            unscored=[indices[place] for place in self.unscored],
            parts=[part.within(indices) for part in self.parts],
        )


def spread(values: Sequence[float | None], indices: Sequence[int], count: int) -> list[float | None]:
    """The values of some of ``count`` candidates as values of all; None for the others."""
    held = dict(zip(indices, values, strict=False))
    return [held.get(index) for index in range(count)]
