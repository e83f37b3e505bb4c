"""MethodRanker = method x strategy x backend: the only place where the three meet."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..backend import Backend
from ..flow.flow import Flow
from ..images import ImageAccess
from ..method import Method
from ..scores.ranks import unread_behind
from ..scores.relevance import mapped
from ..strategy import UNREAD, Strategy
from ..types import Failure, Passage, Query, ScoreKind
from . import consistency
from .candidate_scores import CandidateScores
from .group_scorer import GroupScorer
from .image_access import allowed
from .play import is_read, play
from .scale import Scale
from .truncation import cut_warnings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class MethodRanker:
    """A method asked along a strategy, answered by a backend.

    Args:
        method: How a group is asked about.
        strategy: Which groups are asked about.
        backend: What answers.
        partial: Whether groups that could not be asked about keep their order, as long as others could.
        access: Which images may be read.
    """

    method: Method
    strategy: Strategy
    backend: Backend
    partial: bool = False
    access: ImageAccess = field(default_factory=ImageAccess)
    _warned: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def takes_instruction(self) -> bool:
        """Whether the method reads `Query.instruction`."""
        return self.method.takes_instruction

    @property
    def scale(self) -> Scale:
        """That of the method, unless the strategy leaves only an order."""
        method = self.method
        if not self.strategy.keeps_scores:
            why = f"strategy {self.strategy.name} orders the passages, and the scores are made from their ranks"
            return Scale(frozenset({ScoreKind.RANK}), absolute=False, why=why)
        absolute = method.scores_absolute
        return Scale(
            method.score_kinds,
            absolute=absolute,
            # Where only an answer can tell the kind, there may be one.
            relevance=method.evidence_map is not None
            or (absolute and any(map(method.relevance_map, method.score_kinds or ScoreKind))),
            evidence=method.evidence,
            why="" if absolute else f"{method.name!r} compares the passages of one list",
        )

    def flow(
        self, query: Query, passages: Sequence[Passage], previous_scores: Sequence[float] | None
    ) -> Flow[CandidateScores]:
        """Order the passages by the method's scores; ``previous_scores`` are not read."""
        if self.method.reads_images:
            query, passages = yield from allowed(self.access, query, passages)
        passages = self.method.prepared(query, passages)
        scorer = GroupScorer(self.method, self.backend, query, self.partial)
        rounds = consistency.rounds(self.strategy, len(passages))
        order, scores = yield from play(rounds, passages, scorer.flow)
        if scorer.errors and not is_read(scores):
            raise scorer.errors[0]
        messages = dict.fromkeys(map(str, scorer.errors))
        warnings = cut_warnings(self.method.name, scorer.calls) if self.method.scores_each else []
        warnings += [*self._image_warnings(query, passages), *scores.warnings]
        if warnings and not self._warned:
            self._warned.extend(warnings)
            logger.warning("%s This is said once; Ranking.warnings has it each time.", " ".join(warnings))
        evidence = {
            name: [_known(value) for value in scores.evidence[name]]
            for name in sorted(self.method.evidence & scores.evidence.keys())
        }
        return CandidateScores(
            order=order,
            scores=unread_behind(scores.scores, order),
            kind=scores.kind,
            repairs=scores.repairs,
            reasoning={index: text for index, text in enumerate(scores.reasoning) if text},
            quotes={index: text for index, text in enumerate(scores.quotes) if text},
            calls=scorer.calls,
            failures=[Failure(self.method.name, message, "partial") for message in messages],
            coverage=scores.coverage,
            explained=scores.explained,
            relevance=self._of_evidence(evidence, len(passages))
            if self.method.evidence_map
            else self.relevance(scores.kind, scores.scores),
            placed=frozenset(index for index, score in enumerate(scores.scores) if score == UNREAD),
            evidence=evidence,
            warnings=warnings,
        )

    def _image_warnings(self, query: Query, passages: Sequence[Passage]) -> list[str]:
        """What a method that reads text says of the images that it was given."""
        if self.method.reads_images:
            return []
        own = ["the query"] if query.images else []
        count = sum(bool(passage.images) for passage in passages)
        own += [f"{count} of {len(passages)} passages"] if count else []
        return [f"{self.method.name!r} read the text only: the images of {' and of '.join(own)} were not read."] * bool(
            own
        )

    def _of_evidence(self, evidence: Mapping[str, Sequence[float | None]], count: int) -> list[float | None]:
        how = self.method.evidence_map
        if how is None or not how.weights.keys() <= evidence.keys():
            return [None] * count
        found = [{name: evidence[name][index] for name in how.weights} for index in range(count)]
        known = [{name: value for name, value in one.items() if value is not None} for one in found]
        return [how.relevance(one) if len(one) == len(how.weights) else None for one in known]

    def relevance(self, kind: ScoreKind, scores: Sequence[float]) -> list[float | None]:
        """The relevance of scores of a kind; None for all of them where there is no map to it."""
        how = self.method.relevance_map(kind) if self.scale.relevance else None
        return [None] * len(scores) if how is None else mapped(how, scores)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
