"""A stage: something that orders candidates, with the limits and the failure policy of its config."""

from __future__ import annotations

import itertools
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ..errors import BackendError, ConfigError
from ..flow.flow import Flow
from ..scores.activation import sigmoid
from ..scores.ranks import rank_scores
from ..types import Failure, Passage, Query, RankedPassage, Ranking, ScoreKind
from .candidate_scores import CandidateScores
from .ranker import Ranker
from .retry_policy import RetryPolicy, guarded

logger = logging.getLogger(__name__)


class Limits(BaseModel):
    """The options every stage has, whatever orders it.

    Attributes:
        top_n: Keep this many passages; None keeps all.
        score_threshold: Keep passages that score at least this (after `normalize`); None keeps all.
        normalize: ``"none"``; ``"sigmoid"`` turns logits into probabilities and leaves probabilities
            alone; ``"minmax"`` scales the list to 0..1 (0.5 when all are equal).
        empty_passages: ``"last"`` ranks passages without text last; ``"score"`` leaves them where the
            model puts them, as most official codes do.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    top_n: int | None = Field(default=None, ge=1)
    score_threshold: float | None = Field(default=None, allow_inf_nan=False)
    normalize: Literal["none", "sigmoid", "minmax"] = "none"
    empty_passages: Literal["last", "score"] = "last"


@dataclass(frozen=True)
class Stage:
    """One stage of a cascade, or the whole of a simple reranker.

    Args:
        name: What reports call it: the recipe or the method.
        ranker: What orders the passages.
        limits: What is kept.
        on_error: ``"raise"``, ``"keep_order"`` or the stage to fall back to, when a backend fails.
        policy: How long it may take, and how often it asks again before it counts as failed.
    """

    name: str
    ranker: Ranker
    limits: Limits
    on_error: Literal["raise", "keep_order"] | Stage = "raise"
    policy: RetryPolicy = field(default_factory=RetryPolicy)

    def flow(self, query: Query, passages: Sequence[Passage], previous_scores: Sequence[float] | None) -> Flow[Ranking]:
        """Rank the passages and apply the limits. An empty list asks nothing."""
        if not passages:
            return Ranking(query=query.text, passages=[], scores=[], score_kind=ScoreKind.RANK)
        repeated: list[Failure] = []
        flow = self.ranker.flow(query, passages, previous_scores)
        try:
            candidates = yield from guarded(flow, self.policy, self.name, repeated)
        except BackendError as error:
            if self.on_error == "raise":
                raise
            ranking = yield from self._after_failure(error, query, passages, previous_scores)
        else:
            ranking = self._ranking(query, passages, candidates, self.limits)
        return replace(ranking, failures=[*repeated, *ranking.failures])

    def _after_failure(
        self, error: BackendError, query: Query, passages: Sequence[Passage], previous_scores: Sequence[float] | None
    ) -> Flow[Ranking]:
        """Do what ``on_error`` says, and say so in the ranking and in the log."""
        if isinstance(self.on_error, Stage):
            logger.warning("%s failed, falling back to %s: %s", self.name, self.on_error.name, error)
            failure = Failure(reranker=self.name, error=str(error), action="fallback")
            ranking = yield from self.on_error.flow(query, passages, previous_scores)
            kept = ranking.passages[: self.limits.top_n]
            return replace(ranking, passages=kept, failures=[failure, *ranking.failures])
        logger.warning("%s failed, keeping the given order: %s", self.name, error)
        failure = Failure(reranker=self.name, error=str(error), action="keep_order")
        # No threshold and no normalisation: the scores are not this stage's.
        limits = Limits(top_n=self.limits.top_n, empty_passages=self.limits.empty_passages)
        ranking = self._ranking(query, passages, given_order(passages), limits)
        return replace(ranking, failures=[failure])

    def _ranking(
        self, query: Query, passages: Sequence[Passage], candidates: CandidateScores, limits: Limits
    ) -> Ranking:
        """From a full permutation to the kept passages."""
        kept, scores, kind = candidates.order[: candidates.kept], candidates.scores, candidates.kind
        if limits.empty_passages == "last":
            kept, scores = _empty_last(kept, scores, passages)
        scores, kind = _normalized(scores, kind, limits.normalize)
        if limits.score_threshold is not None:
            kept = [index for index in kept if scores[index] >= limits.score_threshold]
        kept = kept[: limits.top_n]
        return Ranking(
            query=query.text,
            passages=[
                RankedPassage(
                    index=index,
                    passage=passages[index],
                    score=scores[index],
                    rank=rank,
                    reasoning=candidates.reasoning.get(index),
                    sub_questions=candidates.sub_questions.get(index, ()),
                    highlights=candidates.highlights.get(index, ()),
                )
                for rank, index in enumerate(kept, start=1)
            ],
            scores=scores,
            score_kind=kind,
            repairs=candidates.repairs,
            calls=candidates.calls,
            failures=candidates.failures,
            coverage=candidates.coverage,
            warnings=candidates.warnings,
            unscored=candidates.unscored,
        )


def given_order(passages: Sequence[Passage]) -> CandidateScores:
    """The passages as they came: their retrieval scores where these agree with the order, else 1/rank."""
    order = list(range(len(passages)))
    given = [passage.score for passage in passages]
    retrieval = [float(score) for score in given if score is not None and math.isfinite(score)]
    if len(retrieval) == len(order) and all(a >= b for a, b in itertools.pairwise(retrieval)):
        return CandidateScores(order=order, scores=retrieval, kind=ScoreKind.RETRIEVAL)
    return CandidateScores(order=order, scores=rank_scores(order), kind=ScoreKind.RANK)


def _empty_last(
    order: Sequence[int], scores: Sequence[float], passages: Sequence[Passage]
) -> tuple[list[int], list[float]]:
    """Move passages without text to the end, with a score no higher than any other's."""
    empty = [index for index in order if passages[index].is_empty]
    full = [index for index in order if not passages[index].is_empty]
    moved = list(scores)
    if full:
        floor = min(scores[index] for index in full)
        for index in empty:
            moved[index] = floor = min(floor, scores[index])
    return full + empty, moved


def _normalized(scores: list[float], kind: ScoreKind, how: str) -> tuple[list[float], ScoreKind]:
    if how == "minmax":
        low, high = min(scores), max(scores)
        if high == low:
            return [0.5] * len(scores), ScoreKind.OTHER
        # Half of everything where the span itself overflows.
        unit = 1.0 if math.isfinite(high - low) else 0.5
        return [(score * unit - low * unit) / (high * unit - low * unit) for score in scores], ScoreKind.OTHER
    if how == "sigmoid" and kind is not ScoreKind.PROBABILITY:
        if kind is not ScoreKind.LOGIT:
            raise ConfigError(
                f"normalize: sigmoid applies to logits, and these scores are of kind {kind.value!r}.",
                hint="Use normalize: minmax, or none.",
            )
        return [sigmoid(score) for score in scores], ScoreKind.PROBABILITY
    return scores, kind
