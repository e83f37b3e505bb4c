"""Fusion: several scorers and the retrieval score over the same candidates, made one list."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..errors import InputError, MissingTableError
from ..flow.flow import Flow, together
from ..scores import fusion_rules
from ..scores.ranks import descending
from ..scores.score_list import ScoreList, cleaned, present
from ..scores.trust import coverage_trust, order_trust
from ..types import Failure, Passage, Query, Ranking, ScoreKind
from .candidate_scores import CandidateScores
from .scale import Scale
from .stage import Stage, given_order

logger = logging.getLogger(__name__)

Given = Literal["retrieval", "previous", "first-stage"]
Input = Given | Stage
Rules = Literal[
    "z-score", "min-max", "dbsf", "rrf", "combsum", "combmnz", "combmax",
    "borda", "kemeny", "erank", "rank-r1", "diver", "judgerank", "vic", "evidence",
]  # fmt: skip
Norms = Literal["none", "z-score", "min-max", "dbsf", "max", "sum", "rank", "borda", "log-rank", "rrf"]

# The names of what is already known about the candidates; any other input is a reranker.
INPUTS: tuple[Given, ...] = get_args(Given)


# Bounded, so that a weighted sum is always finite.
_Weight = Annotated[float, Field(ge=-1e9, le=1e9)]


class FusionOptions(BaseModel):
    """``{fusion: z-score, alpha: 0.2, with: bm25}`` or ``{fusion: rrf, of: [retrieval, bm25, ...]}``.

    Attributes:
        rule: ``fusion:`` in a config. Rules: ``z-score``, ``min-max``, ``dbsf``, ``rrf``, ``combsum``, ``combmnz``,
            ``combmax``; ``borda`` and ``kemeny``, which read each list's order alone; a paper's rule with its
            weights: ``erank``, ``rank-r1``, ``diver``, ``judgerank``, ``vic`` (see `fusion_rules.RULES`). ``evidence``
            is ``z-score`` with the weight of each encoder multiplied by how far its vocabulary covers the texts
            (`trust.coverage_trust`), and that of a bare given order by how far it agrees with the other lists beyond
            chance (`trust.order_trust`): an encoder that cannot read, or an order that means nothing, counts nothing.
        of: What is fused: ``retrieval`` (the candidates' own scores), ``previous`` (the scores of the
            stage before; the retrieval scores in a first stage), ``first-stage`` (the retrieval scores, or
            -ln(rank) of the given order where there are none), recipe names or configs.
        with_: ``with:`` in a config; short for ``of: [<with>, previous]``.
        alpha: Weight of the first of two inputs; the second gets 1 - alpha.
        weights: One weight per input; without it and `alpha` those of the rule's paper, or equal ones.
        k: The constant of reciprocal rank fusion.
        norm: What makes the lists of ``combsum``, ``combmnz`` and ``combmax`` comparable, a key of
            `scaling.SCALINGS`; None for ``min-max``.
        std: ``population`` or ``sample`` (qdrant's DBSF) standard deviation.
        missing: What a list adds for a candidate it does not hold: its ``lowest`` scaled score or ``nothing``; None
            for what the rule says.
        deduplicate: Keep only the best-scored copy of candidates with the same id.
        strict: Whether ``retrieval`` or ``previous`` without a score for any candidate is an error. Else that input is
            left out, and `Ranking.warnings` says so. Scores of some candidates are kept as they are either way.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: Rules = Field(alias="fusion")
    of: list[Any] | None = Field(default=None, min_length=1)
    with_: Any = Field(default=None, alias="with")
    alpha: float | None = Field(default=None, ge=0, le=1)
    weights: list[_Weight] | None = Field(default=None, min_length=1)
    k: float = Field(default=60, gt=0, allow_inf_nan=False)
    norm: Norms | None = None
    std: Literal["population", "sample"] = "population"
    missing: fusion_rules.Missing | None = None
    deduplicate: bool = False
    strict: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> FusionOptions:
        if (self.of is None) == (self.with_ is None):
            raise ValueError("give either 'of: [...]' or 'with: <reranker>'")
        if self.alpha is not None and (self.weights is not None or len(self.inputs) != 2):
            raise ValueError("alpha weighs exactly two inputs, without 'weights'")
        if self.weights is not None and len(self.weights) != len(self.inputs):
            raise ValueError(f"{len(self.weights)} weights for {len(self.inputs)} inputs")
        if self.missing is not None and self.rule in ("borda", "kemeny"):
            raise ValueError(f"{self.rule!r} puts what a list does not hold below all that it holds: leave missing out")
        if self.norm is not None and not self.rule.startswith("comb"):
            raise ValueError(f"norm is for combsum, combmnz and combmax; {self.rule!r} has its own")
        return self

    @property
    def inputs(self) -> list[Any]:
        """What is fused, in the order of the weights."""
        return self.of if self.of is not None else [self.with_, "previous"]

    @property
    def shares(self) -> list[float]:
        """One weight per input."""
        if self.alpha is not None:
            return [self.alpha, 1.0 - self.alpha]
        if self.weights is not None:
            return self.weights
        published = self.base.weights
        return list(published) if published and len(self.inputs) == 2 else [1.0] * len(self.inputs)

    @property
    def base(self) -> fusion_rules.Rule:
        """The rule as these options have it."""
        rule = fusion_rules.RULES["z-score" if self.rule == "evidence" else self.rule]
        return replace(rule, norm=self.norm or rule.norm, missing=self.missing or rule.missing)

    def fused(self, lists: Sequence[ScoreList], weights: Sequence[float]) -> list[float]:
        """One score per candidate."""
        return fusion_rules.fuse(self.base, lists, weights, k=self.k, sample=self.std == "sample")


@dataclass(frozen=True)
class Fusion:
    """Runs its inputs side by side and fuses their scores.

    An input that has no score for any candidate (retrieval scores that were never given) is left out.
    """

    options: FusionOptions
    inputs: tuple[Input, ...]
    _warned: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def takes_instruction(self) -> bool:
        """Whether any input reads `Query.instruction`."""
        return any(isinstance(one, Stage) and one.ranker.takes_instruction for one in self.inputs)

    @property
    def scale(self) -> Scale:
        """Fused scores are relative to their list; what the inputs find in each passage is not."""
        evidence = [one.scale.evidence for one in self.inputs if isinstance(one, Stage)]
        why = "they are fused from lists that are scaled each by itself"
        return Scale(frozenset({ScoreKind.FUSED}), absolute=False, evidence=frozenset().union(*evidence), why=why)

    def flow(
        self, query: Query, passages: Sequence[Passage], previous_scores: Sequence[float] | None
    ) -> Flow[CandidateScores]:
        """Score the passages with every input and fuse."""
        if not self.options.deduplicate:
            return (yield from self._fuse(query, passages, previous_scores))
        best = _best_copies(passages, previous_scores)
        chosen = None if previous_scores is None else [previous_scores[index] for index in best]
        fused = yield from self._fuse(query, [passages[index] for index in best], chosen)
        return fused.within(best, len(passages))

    def _fuse(
        self, query: Query, passages: Sequence[Passage], previous_scores: Sequence[float] | None
    ) -> Flow[CandidateScores]:
        stages = [one for one in self.inputs if isinstance(one, Stage)]
        flows = [self._input(stage, query, passages, previous_scores) for stage in stages]
        rankings = iter((yield from together(flows)))
        retrieval = [passage.score for passage in passages]
        lists: list[tuple[float, ScoreList]] = []
        result = CandidateScores(order=[], scores=[], kind=ScoreKind.FUSED)
        ordered = 0.0
        for weight, one in zip(self.options.shares, self.inputs, strict=True):
            if isinstance(one, Stage):
                ranking = next(rankings)
                if isinstance(ranking, Failure):
                    result.failures = [*result.failures, ranking]
                    continue
                result.add(ranking, range(len(passages)))
                result.evidence = {**result.evidence, **ranking.evidence}
                scores: ScoreList = _kept_scores(ranking)
                if self.options.rule == "evidence":
                    weight *= coverage_trust(ranking.coverage)
            elif one == "first-stage" and not present(retrieval):
                ordered = weight
                continue
            else:
                before = previous_scores if one == "previous" else None
                scores = _warned(retrieval if before is None else before, one)
                self._note_missing(scores, one, result.warnings)
            if present(scores):
                lists.append((weight, scores))
        if not lists:
            return replace(given_order(passages), warnings=result.warnings)
        weights, columns = [weight for weight, _ in lists], [scores for _, scores in lists]
        if ordered:
            order = [-math.log(rank) for rank in range(1, len(passages) + 1)]
            trusted = self.options.rule == "evidence"
            share = order_trust(order, self.options.fused(columns, weights)) if trusted else 1.0
            weights, columns = [*weights, ordered * share], [*columns, order]
        result.scores = self.options.fused(columns, weights)
        result.order = descending(result.scores)
        return result

    def _note_missing(self, scores: ScoreList, name: Given, warnings: list[str]) -> None:
        """Say which candidates a given input has no score for.

        Raises:
            InputError: For none of them, and the fusion is strict.
        """
        known = len(present(scores))
        if known == len(scores):
            return
        if known:
            warnings.append(f"{len(scores) - known} of {len(scores)} candidates came without a score for {name!r}.")
            return
        message = f"No candidate came with a score, so that the input {name!r} of this fusion is missing."
        if self.options.strict:
            raise InputError(message, hint=_SCORES_HINT)
        warnings.append(f"{message} {_SCORES_HINT}")
        if not self._warned:
            self._warned.append(message)
            logger.warning("%s %s This is said once; Ranking.warnings has it each time.", message, _SCORES_HINT)

    def _input(
        self, stage: Stage, query: Query, passages: Sequence[Passage], previous_scores: Sequence[float] | None
    ) -> Flow[Ranking | Failure]:
        """The ranking of an input; by evidence, an encoder without its table counts nothing."""
        try:
            return (yield from stage.flow(query, passages, previous_scores))
        except MissingTableError as error:
            if self.options.rule != "evidence" or len(self.inputs) == 1:
                raise
            _say_once(f"{stage.name} is left out: {error}")
            return Failure(reranker=stage.name, error=str(error), action="left_out")


_SCORES_HINT = (
    "LangChain's retrievers bring none: use langchain_rerankers.as_retriever(vectorstore), or name their metadata key "
    "in score_key; elsewhere give Passage(score=...), or NodeWithScore(score=...)."
)


@cache
def _say_once(message: str) -> None:
    logger.warning("%s", message)


def _best_copies(passages: Sequence[Passage], previous_scores: Sequence[float] | None) -> list[int]:
    """The best-scored index of every id, and all without an id, in the given order; equal scores keep the first."""
    scores = cleaned([passage.score for passage in passages] if previous_scores is None else previous_scores)
    best: dict[object, int] = {}
    for index, passage in enumerate(passages):
        key = index if passage.id is None else passage.id
        known = best.setdefault(key, index)
        if _height(scores[index]) > _height(scores[known]):
            best[key] = index
    return sorted(best.values())


def _height(score: float | None) -> float:
    return -math.inf if score is None else score


def _warned(scores: ScoreList, name: Given) -> ScoreList:
    """The scores as they are, with a warning when some of them are not finite."""
    odd = sum(score is not None and not math.isfinite(score) for score in scores)
    if odd:
        logger.warning("%d of %d %s scores are not finite: NaN counts as missing.", odd, len(scores), name)
    return scores


def _kept_scores(ranking: Ranking) -> list[float | None]:
    kept = set(ranking.order) - set(ranking.unscored)
    return [score if index in kept else None for index, score in enumerate(ranking.scores)]
