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
from ..scores.coherence import coherence
from ..scores.copies import best_copies
from ..scores.ranks import descending
from ..scores.score_list import ScoreList, present
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

_Weighed = tuple[float, ScoreList]

# Bounded, so that a weighted sum is always finite.
_Weight = Annotated[float, Field(ge=-1e9, le=1e9)]


class FusionOptions(BaseModel):
    """``{fusion: z-score, alpha: 0.2, with: bm25}`` or ``{fusion: rrf, of: [retrieval, bm25, ...]}``.

    Attributes:
        rule: ``fusion:`` in a config. Rules: ``z-score``, ``min-max``, ``dbsf``, ``rrf``, ``combsum``, ``combmnz``,
            ``combmax``; ``borda`` and ``kemeny``, which read each list's order alone; a paper's rule with its
            weights: ``erank``, ``rank-r1``, ``diver``, ``judgerank``, ``vic`` (see `fusion_rules.RULES`). ``evidence``
            is ``z-score`` with the weight of each encoder multiplied by how far its vocabulary covers the texts
            (`trust.coverage_trust`), and that of a bare given order by how far it agrees with the other lists, also
            those beside a fusion that is itself an input, and with itself beyond chance (`trust.order_trust`): an
            encoder that cannot read, or an order that means nothing, counts nothing.
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
    # What is fused with this fusion, with its weights: further evidence of what a bare order means.
    _beside: tuple[_Weighed, ...] = field(default=(), repr=False, compare=False)
    _warned: list[str] = field(default_factory=list, repr=False, compare=False)

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
        scores = [passage.score for passage in passages] if previous_scores is None else previous_scores
        best = best_copies([passage.id for passage in passages], scores)
        chosen = None if previous_scores is None else [previous_scores[index] for index in best]
        fused = yield from self._fuse(query, [passages[index] for index in best], chosen)
        return fused.within(best, len(passages))

    def _fuse(
        self, query: Query, passages: Sequence[Passage], previous_scores: Sequence[float] | None
    ) -> Flow[CandidateScores]:
        rankings = iter((yield from self._rankings(query, passages, previous_scores)))
        retrieval = [passage.score for passage in passages]
        lists: list[_Weighed] = []
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
                weight = self._trusted(weight, ranking)
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
        if ordered:
            order = [-math.log(rank) for rank in range(1, len(passages) + 1)]
            lists.append((ordered * self._order_trust(order, lists, passages), order))
        result.scores = self.options.fused([scores for _, scores in lists], [weight for weight, _ in lists])
        result.order = descending(result.scores)
        return result

    def _rankings(
        self, query: Query, passages: Sequence[Passage], previous_scores: Sequence[float] | None
    ) -> Flow[list[Ranking | Failure]]:
        """What the rerankers among the inputs say; those that judge a bare order are told first what the others say."""
        stages = [
            (share, one) for share, one in zip(self.options.shares, self.inputs, strict=True) if isinstance(one, Stage)
        ]
        bare = self.options.rule == "evidence" and not present([passage.score for passage in passages])
        last = [bare and _judges_order(stage) for _, stage in stages]
        beside: list[_Weighed] = []
        found: dict[int, Ranking | Failure] = {}
        for judges in (False, True):
            turn = [index for index, waits in enumerate(last) if waits == judges]
            flows = [self._input(_told(stages[index][1], beside), query, passages, previous_scores) for index in turn]
            found.update(zip(turn, (yield from together(flows)), strict=True))
            beside = [
                (self._trusted(stages[index][0], ranking), _kept_scores(ranking))
                for index, ranking in found.items()
                if isinstance(ranking, Ranking)
            ]
        return [found[index] for index in range(len(stages))]

    def _trusted(self, weight: float, ranking: Ranking) -> float:
        """The weight of a ranking; by evidence, as far as its encoder reads the texts."""
        return weight * coverage_trust(ranking.coverage) if self.options.rule == "evidence" else weight

    def _order_trust(self, order: ScoreList, lists: Sequence[_Weighed], passages: Sequence[Passage]) -> float:
        """How far the given order counts."""
        if self.options.rule != "evidence":
            return 1.0
        weights, columns = zip(*lists, *self._beside, strict=True)
        return order_trust(order, self.options.fused(columns, weights), coherence([one.content for one in passages]))

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


def _judges_order(stage: Stage) -> bool:
    fusion = stage.ranker
    return isinstance(fusion, Fusion) and fusion.options.rule == "evidence" and "first-stage" in fusion.inputs


def _told(stage: Stage, beside: Sequence[_Weighed]) -> Stage:
    """The stage, whose fusion knows what is fused with it."""
    if not beside or not isinstance(stage.ranker, Fusion):
        return stage
    return replace(stage, ranker=replace(stage.ranker, _beside=tuple(beside)))


@cache
def _say_once(message: str) -> None:
    logger.warning("%s", message)


def _warned(scores: ScoreList, name: Given) -> ScoreList:
    """The scores as they are, with a warning when some of them are not finite."""
    odd = sum(score is not None and not math.isfinite(score) for score in scores)
    if odd:
        logger.warning("%d of %d %s scores are not finite: NaN counts as missing.", odd, len(scores), name)
    return scores


def _kept_scores(ranking: Ranking) -> list[float | None]:
    kept = set(ranking.order) - set(ranking.unscored)
    return [score if index in kept else None for index, score in enumerate(ranking.scores)]
