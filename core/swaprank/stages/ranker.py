"""The contract of a ranker: anything that orders candidates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..flow.flow import Flow
from ..types import Passage, Query
from .candidate_scores import CandidateScores
from .scale import Scale


class Ranker(Protocol):
    """Orders candidates: a `MethodRanker`, a `Fusion`, a `Decomposition`, a `Cascade`."""

    @property
    def takes_instruction(self) -> bool:
        """Whether `Query.instruction` is read by any method in it."""
        ...

    @property
    def scale(self) -> Scale:
        """What its scores mean, known before anything is scored."""
        ...

    def flow(
        self, query: Query, passages: Sequence[Passage], previous_scores: Sequence[float] | None
    ) -> Flow[CandidateScores]:
        """Order the passages.

        Args:
            query: The query.
            passages: At least one, in the given order.
            previous_scores: The scores that the stage before gave them; None in a first stage.

        Raises:
            BackendError: A model did not answer; the failure policy of the stage decides what becomes of it.
        """
        ...
