"""A stage: something that orders candidates, with the limits and the failure policy of its config."""

from __future__ import annotations

import itertools
import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ..errors import BackendError, ConfigError
from ..flow.flow import Flow
from ..scores import cutting
from ..scores.ranks import rank_scores
from ..scores.relevance import RelevanceMap
from ..types import Failure, Passage, Query, RankedPassage, Ranking, ScoreKind, Trace
from .candidate_scores import CandidateScores
from .method_ranker import MethodRanker
from .normalization import normalized, relevances
from .ranker import KeepsFirst, Ranker
from .retry_policy import RetryPolicy, guarded
from .scale import RELATIVE, SIGMOID, Scale

logger = logging.getLogger(__name__)


class Select(BaseModel):
    """How many passages a stage keeps, by where their scores break.

    Attributes:
        by: ``gap`` cuts at the largest drop between two neighbours; ``elbow`` where the curve of all scores bends.
        min: Keep at least so many; at most it is ``top_n``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Literal["gap", "elbow"]
    min: int = Field(default=1, ge=1)


class Limits(BaseModel):
    """The options every stage has, whatever orders it.

    Attributes:
        top_n: Keep this many passages; None keeps all.
        score_threshold: Keep passages of at least this relevance, 0 to 1; None keeps all. It is compared with the
            score itself where scores mean the same for every query and there is no map to relevance (BM25, dot
            products), and with the scaled score under ``normalize: minmax``. Other scores refuse one.
        relevance: The map from scores to relevance, as `swaprank calibrate` writes it; None for the published one.
        select: Keep fewer than `top_n` where the scores break: ``"gap"``, ``"elbow"`` or a `Select`; None does not.
        normalize: ``"none"``; ``"sigmoid"`` turns logits into probabilities and leaves probabilities
            alone; ``"minmax"`` scales the list to 0..1 (0.5 when all are equal).
        empty_passages: ``"last"`` ranks passages without text last; ``"score"`` leaves them where the
            model puts them, as most official codes do.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    top_n: int | None = Field(default=None, ge=1)
    score_threshold: float | None = Field(default=None, allow_inf_nan=False)
    relevance: RelevanceMap | None = None
    select: Literal["gap", "elbow"] | Select | None = None
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

    @property
    def scale(self) -> Scale:
        """What the scores of its rankings mean, unless it fails."""
        return self.ranker.scale.limited(self.limits)

    def flow(self, query: Query, passages: Sequence[Passage], previous_scores: Sequence[float] | None) -> Flow[Ranking]:
        """Rank the passages and apply the limits. An empty list asks nothing."""
        if not passages:
            nothing = Ranking(query=query.text, passages=[], scores=[], score_kind=ScoreKind.RANK)
            return replace(nothing, stage=self._trace(nothing, (), 0.0))
        started = time.perf_counter()
        repeated: list[Failure] = []
        flow = self.ranker.flow(query, passages, previous_scores)
        try:
            candidates = yield from guarded(flow, self.policy, self.name, repeated)
        except BackendError as error:
            if self.on_error == "raise":
                raise
            ranking = yield from self._after_failure(error, query, passages, previous_scores)
            parts = [] if ranking.stage is None else [ranking.stage]
        else:
            ranking = self._ranking(query, passages, candidates, self.limits)
            parts = candidates.parts
        ranking = replace(ranking, failures=[*repeated, *ranking.failures])
        return replace(ranking, stage=self._trace(ranking, parts, time.perf_counter() - started))

    def _trace(self, ranking: Ranking, parts: Sequence[Trace], seconds: float) -> Trace:
        return Trace(
            stage=self.name,
            given=tuple(range(len(ranking.scores))),
            kept=tuple(ranking.order),
            scores=tuple(ranked.score for ranked in ranking.passages),
            score_kind=ranking.score_kind.value,
            seconds=seconds,
            calls=tuple(ranking.calls),
            parts=tuple(parts),
            repairs=ranking.repairs,
            failures=tuple(ranking.failures),
            warnings=tuple(ranking.warnings),
            unscored=tuple(ranking.unscored),
        )

    def keeping(self, top_n: int) -> Stage:
        """The same stage, keeping at most so many passages."""
        ranker = self.ranker
        if isinstance(ranker, KeepsFirst):
            ranker = ranker.keeping(top_n)
        return replace(self, ranker=ranker, limits=self.limits.model_copy(update={"top_n": top_n}))

    def _after_failure(
        self, error: BackendError, query: Query, passages: Sequence[Passage], previous_scores: Sequence[float] | None
    ) -> Flow[Ranking]:
        """Do what ``on_error`` says, and say so in the ranking and in the log."""
        if isinstance(self.on_error, Stage):
            logger.warning("%s failed, falling back to %s: %s", self.name, self.on_error.name, error)
            failure = Failure(reranker=self.name, error=str(error), action="fallback")
            ranking = yield from self.on_error.flow(query, passages, previous_scores)
            kept = [ranked for ranked in ranking.passages if self._is_kept(ranked.relevance)][: self.limits.top_n]
            return replace(ranking, passages=kept, failures=[failure, *ranking.failures])
        logger.warning("%s failed, keeping the given order: %s", self.name, error)
        failure = Failure(reranker=self.name, error=str(error), action="keep_order")
        # No threshold and no normalisation: the scores are not this stage's.
        limits = Limits(top_n=self.limits.top_n, empty_passages=self.limits.empty_passages)
        ranking = self._ranking(query, passages, given_order(passages), limits)
        return replace(ranking, failures=[failure])

    def _is_kept(self, relevance: float | None) -> bool:
        """Whether what another reranker says of a passage passes the threshold, so far as that compares."""
        limits = self.limits
        if limits.score_threshold is None or limits.normalize == "minmax" or not self.scale.relevance:
            return True
        return relevance is None or relevance >= limits.score_threshold

    def _ranking(
        self, query: Query, passages: Sequence[Passage], candidates: CandidateScores, limits: Limits
    ) -> Ranking:
        """From a full permutation to the kept passages."""
        kept, scores, kind = candidates.order[: candidates.kept], candidates.scores, candidates.kind
        relevance = relevances(candidates, limits.relevance, self.ranker.scale)
        if limits.empty_passages == "last":
            empty = [self._nothing_to_read(passage) for passage in passages]
            kept, scores = _empty_last(kept, scores, empty)
            relevance = [_without_text(one, nothing) for one, nothing in zip(relevance, empty, strict=True)]
        # What a failure inside has left are scores of another kind.
        if not (candidates.failures and limits.normalize == "sigmoid" and kind not in SIGMOID):
            scores, kind = normalized(scores, kind, limits.normalize)
        kept = self._above(kept, scores, relevance, candidates, limits)
        kept = kept[: _selected([scores[index] for index in kept], kind, limits)]
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
                    relevance=relevance[index],
                    quote=candidates.quotes.get(index),
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
            explained=candidates.explained,
            emphasis=candidates.emphasis,
            relevance=relevance,
            evidence={name: list(found) for name, found in candidates.evidence.items()},
            rewritten_query=candidates.rewritten_query,
            warnings=candidates.warnings,
            unscored=candidates.unscored,
        )

    def _nothing_to_read(self, passage: Passage) -> bool:
        """Whether a passage is blank to the ranker; an image is no text to a method that reads text only."""
        if isinstance(self.ranker, MethodRanker) and not self.ranker.method.reads_images:
            return passage.has_no_text
        return passage.is_empty

    def _above(
        self,
        kept: list[int],
        scores: Sequence[float],
        relevance: Sequence[float | None],
        candidates: CandidateScores,
        limits: Limits,
    ) -> list[int]:
        """Those that pass the threshold; passages that a failure left without a relevance do.

        Raises:
            ConfigError: Only this answer tells that its scores have nothing that a threshold could be compared with.
        """
        threshold = limits.score_threshold
        if threshold is None:
            return kept
        # Nobody knows whether they are relevant.
        kept = [index for index in kept if index not in candidates.unscored]
        if limits.normalize == "minmax":
            return [index for index in kept if scores[index] >= threshold]
        if any(one is not None for one in relevance):
            return [index for index in kept if (one := relevance[index]) is None or one >= threshold]
        if self.scale.relevance or not self.scale.absolute or candidates.kind in RELATIVE:
            if candidates.failures:
                return kept
            raise ConfigError(
                f"{self.name}: score_threshold {threshold} has nothing to be compared with: the model gives scores of "
                f"kind {candidates.kind.value!r}.",
                hint="Use top_n, set activation: sigmoid where the method has it, or calibrate (docs/scores.md).",
            )
        return [index for index in kept if scores[index] >= threshold]


def given_order(passages: Sequence[Passage]) -> CandidateScores:
    """The passages as they came: their retrieval scores where these agree with the order, else 1/rank."""
    order = list(range(len(passages)))
    given = [passage.score for passage in passages]
    retrieval = [float(score) for score in given if score is not None and math.isfinite(score)]
    if len(retrieval) == len(order) and all(a >= b for a, b in itertools.pairwise(retrieval)):
        return CandidateScores(order=order, scores=retrieval, kind=ScoreKind.RETRIEVAL)
    return CandidateScores(order=order, scores=rank_scores(order), kind=ScoreKind.RANK)


def _selected(scores: Sequence[float], kind: ScoreKind, limits: Limits) -> int | None:
    """How many of the first places are kept; None for all."""
    if limits.select is None or not scores:
        return limits.top_n
    if kind is ScoreKind.RANK:
        raise ConfigError(
            "select looks for a break in scores, and these are of kind 'rank', which always break at the same place.",
            hint="Use top_n.",
        )
    select = Select(by=limits.select) if isinstance(limits.select, str) else limits.select
    return cutting.RULES[select.by](scores, select.min, limits.top_n or len(scores))


def _empty_last(
    order: Sequence[int], scores: Sequence[float], empty_at: Sequence[bool]
) -> tuple[list[int], list[float]]:
    """Move passages with nothing to read to the end, with a score no higher than any other's."""
    empty = [index for index in order if empty_at[index]]
    full = [index for index in order if not empty_at[index]]
    moved = list(scores)
    if full:
        floor = min(scores[index] for index in full)
        for index in empty:
            moved[index] = floor = min(floor, scores[index])
    return full + empty, moved


def _without_text(relevance: float | None, nothing: bool) -> float | None:
    """The relevance of a passage that may have nothing to read, which is none; unknown stays unknown."""
    return 0.0 if nothing and relevance is not None else relevance
