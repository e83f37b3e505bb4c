"""A cascade of stages, each seeing what the one before kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..flow.flow import Flow
from ..scores.ranks import behind, descending
from ..types import Passage, Query, ScoreKind
from .candidate_scores import CandidateScores, spread
from .scale import Scale
from .stage import Stage


@dataclass(frozen=True)
class Cascade:
    """Run cheap stages first and expensive ones on what is left.

    A stage's ``top_n`` and ``score_threshold`` decide what the next stage sees, and so what can be
    returned at all. The relevance of a passage is that of the last stage that tells one, so that a threshold can
    stand behind a diversification or a listwise reranker. Passages that fell out on the way still get a score: the
    last stage's lowest, minus their distance to it in ranks, so that scores stay monotone over the whole input.

    Args:
        stages: At least one.
    """

    stages: tuple[Stage, ...]

    @property
    def takes_instruction(self) -> bool:
        """Whether any stage reads `Query.instruction`."""
        return any(stage.ranker.takes_instruction for stage in self.stages)

    @property
    def scale(self) -> Scale:
        """That of the last stage, with the relevance of the last stage that tells one."""
        scales = [stage.scale for stage in self.stages]
        evidence = frozenset().union(*(scale.evidence for scale in scales))
        return replace(scales[-1], relevance=any(scale.relevance for scale in scales), evidence=evidence)

    def flow(
        self, query: Query, passages: Sequence[Passage], previous_scores: Sequence[float] | None
    ) -> Flow[CandidateScores]:
        """Rank through all stages in turn."""
        alive = list(range(len(passages)))
        dropped: list[int] = []
        total = CandidateScores(order=[], scores=[0.0] * len(passages), kind=ScoreKind.RANK)
        for stage in self.stages:
            ranking = yield from stage.flow(query, [passages[index] for index in alive], previous_scores)
            kept = ranking.order
            survivors = set(kept)
            lost = [position for position in descending(ranking.scores) if position not in survivors]
            dropped = [alive[position] for position in lost] + dropped
            previous_scores = [ranking.scores[position] for position in kept]
            total.kind = ranking.score_kind
            total.coverage = ranking.coverage
            found = {name: spread(values, alive, len(passages)) for name, values in ranking.evidence.items()}
            total.evidence = {**total.evidence, **found}
            if stage.scale.relevance and any(one is not None for one in ranking.relevance):
                total.relevance = spread(ranking.relevance, alive, len(passages))
            total.add(ranking, alive)
            alive = [alive[position] for position in kept]
            if not alive:
                break
        for index, score in zip(alive, previous_scores or [], strict=True):
            total.scores[index] = score
        floor = total.scores[alive[-1]] if alive else 0.0
        for index, score in behind(floor, dropped).items():
            total.scores[index] = score
        total.order = alive + dropped
        total.kept = len(alive)
        total.placed = frozenset(dropped)
        return total
