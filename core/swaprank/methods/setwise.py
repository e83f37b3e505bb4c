"""Setwise: the model names the most relevant of a small set; its picks drive a sort.

Zhuang et al., A Setwise Approach for Effective and Highly Efficient Zero-shot Ranking with Large Language
Models (2023). Prompt of ielab/llm-rankers, `llmrankers/setwise.py` (Apache-2.0,
https://github.com/ielab/llm-rankers). Passages are shown as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from ..method import GroupScores, Steps
from ..prompt import fill
from ..types import Passage, Query, ScoreKind
from ._passage_labels import LabelChoice, chosen_label, letters, logprobs

QUESTION = 'Given a query "{query}", which of the following passages is the most relevant one to the query?\n\n'
REQUEST = "Output only the passage label of the most relevant passage:"


class Setwise(LabelChoice):
    """Picks from sets of passages, zero-shot, with any chat model or Flan-T5."""

    name: ClassVar[str] = "setwise"
    family: ClassVar[Literal["setwise"]] = "setwise"
    strategy: ClassVar[str] = "heap-sort"
    source: ClassVar[str] = "ielab/llm-rankers (Apache-2.0), https://github.com/ielab/llm-rankers"

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Log-probabilities of the labels, or ranks where one is written."""
        return frozenset({ScoreKind.RANK if self.scoring == "generation" else ScoreKind.LOGIT})

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One prompt per set. An unreadable answer picks none: in a sort, the first shown stays, as officially."""
        names = letters(len(passages), self.name)
        if len(passages) == 1:
            return GroupScores(scores=[1.0], kind=ScoreKind.RANK)
        question = fill(QUESTION, {"query": self.query_slot(query)})
        responses = yield self.requests((*question, *self.listed(passages, names), REQUEST), names)
        if self.scoring == "likelihood":
            return GroupScores(scores=logprobs(responses), kind=ScoreKind.LOGIT)
        place = chosen_label(responses[0], names)
        return GroupScores(
            scores=[float(one == place) for one in range(len(names))],
            kind=ScoreKind.RANK,
            repairs=int(place is None),
        )


METHOD = Setwise
