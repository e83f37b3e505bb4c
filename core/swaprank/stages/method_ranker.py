"""MethodRanker = method x strategy x backend: the only place where the three meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..backend import Backend
from ..flow.flow import Flow
from ..method import Method
from ..scores.ranks import unread_behind
from ..strategy import Strategy
from ..types import Failure, Passage, Query
from . import consistency
from .candidate_scores import CandidateScores
from .group_scorer import GroupScorer
from .play import is_read, play


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
        self, query: Query, passages: Sequence[Passage], previous_scores: Sequence[float] | None
    ) -> Flow[CandidateScores]:
        """Order the passages by the method's scores; ``previous_scores`` are not read."""
        passages = self.method.prepared(query, passages)
        scorer = GroupScorer(self.method, self.backend, query, self.partial)
        rounds = consistency.rounds(self.strategy, len(passages))
        order, scores = yield from play(rounds, passages, scorer.flow)
        if scorer.errors and not is_read(scores):
            raise scorer.errors[0]
        messages = dict.fromkeys(map(str, scorer.errors))
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
        )
