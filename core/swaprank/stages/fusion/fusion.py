"""Fusion: several scorers and the retrieval score over the same candidates, made one list."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from ...errors import InputError, MissingTableError
from ...flow.flow import Flow, together
from ...scores.coherence import coherence
from ...scores.copies import best_copies
from ...scores.ranks import descending, order_scores
from ...scores.score_list import ScoreList, present
from ...scores.trust import coverage_trust, emphasis, order_trust
from ...types import Failure, Passage, Query, Ranking, ScoreKind
from ..candidate_scores import CandidateScores
from ..scale import Scale
from ..stage import Stage, given_order
from .options import FusionOptions, Given

logger = logging.getLogger(__name__)

Input = Given | Stage
_Weighed = tuple[float, ScoreList]


@dataclass
class _FirstStage:
    """What is found out about a first stage.

    Attributes:
        bare: Whether it is an order without scores, which may mean nothing.
        explained: How far the query's words explain it; None where nobody can tell.
        readers: What is fused with it and reads more than words.
    """

    bare: bool = False
    explained: float | None = None
    readers: list[_Weighed] = field(default_factory=list)

    def note(self, ranking: Ranking, weighed: _Weighed) -> None:
        """Take note of a ranking that is fused with it."""
        if ranking.explained is not None:
            self.explained = ranking.explained
        elif present(weighed[1]):
            self.readers.append(weighed)


@dataclass(frozen=True)
class Fusion:
    """Runs its inputs side by side and fuses their scores.

    An input that has no score for any candidate (retrieval scores that were never given) is left out.
    """

    options: FusionOptions
    inputs: tuple[Input, ...]
    # What is fused with this fusion, with its weights: further evidence of what a first stage is worth.
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
        most = 1.0
        result = CandidateScores(order=[], scores=[], kind=ScoreKind.FUSED)
        ordered, place, first = 0.0, None, _FirstStage()
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
                most = max(most, ranking.emphasis) if self.options.rule == "evidence" else 1.0
                first.note(ranking, (weight, scores))
            elif one == "first-stage" and not present(retrieval):
                ordered = weight
                continue
            else:
                before = previous_scores if one == "previous" else None
                scores = _warned(retrieval if before is None else before, one)
                self._note_missing(scores, one, result.warnings)
                place = len(lists) if one == "first-stage" else place
            if present(scores):
                lists.append((weight, scores))
        if not lists:
            return replace(given_order(passages), warnings=result.warnings)
        if ordered:
            place, first.bare = len(lists), True
            lists.append((ordered, order_scores(len(passages))))
        if place is not None and self.options.rule == "evidence":
            others = [*lists[:place], *lists[place + 1 :]]
            lists[place], result.emphasis = self._judged(lists[place], others, first, passages)
        # An emphasis weighs against the others, and does not make the scores of one query larger than those of another.
        result.scores = self.options.fused([scores for _, scores in lists], [weight / most for weight, _ in lists])
        result.order = descending(result.scores)
        return result

    def _rankings(
        self, query: Query, passages: Sequence[Passage], previous_scores: Sequence[float] | None
    ) -> Flow[list[Ranking | Failure]]:
        """What the rerankers among the inputs say; those that judge a first stage are told what the others say."""
        stages = [
            (share, one) for share, one in zip(self.options.shares, self.inputs, strict=True) if isinstance(one, Stage)
        ]
        last = [self.options.rule == "evidence" and _judges(stage) for _, stage in stages]
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
        """The weight of a ranking; by evidence, as far as its encoder reads the texts, and by its emphasis."""
        if self.options.rule != "evidence":
            return weight
        return weight * coverage_trust(ranking.coverage) * ranking.emphasis

    def _judged(
        self, first: _Weighed, others: Sequence[_Weighed], found: _FirstStage, passages: Sequence[Passage]
    ) -> tuple[_Weighed, float]:
        """The first stage with the weight that it deserves by evidence, and by how much that is more than its own."""
        weight, scores = first
        coherent = coherence([passage.content for passage in passages]) if found.bare else None
        if found.bare:
            weight *= self._borne_out(scores, [*others, *self._beside], coherent)
        readers = [*found.readers, *self._beside]
        more = emphasis(self._borne_out(scores, readers, coherent), found.explained) if readers else 1.0
        return (weight * more, scores), more

    def _borne_out(self, scores: ScoreList, others: Sequence[_Weighed], coherent: float | None) -> float:
        weights, columns = zip(*others, strict=True)
        return order_trust(scores, self.options.fused(columns, weights), coherent)

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


def _judges(stage: Stage) -> bool:
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
