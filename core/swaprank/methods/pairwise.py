"""Pairwise ranking prompting (PRP): which of two passages is more relevant, asked in both orders.

Qin et al., Large Language Models are Effective Text Rankers with Pairwise Ranking Prompting (2023). Prompt of
ielab/llm-rankers, `llmrankers/pairwise.py` (Apache-2.0, https://github.com/ielab/llm-rankers). Passages are shown as
they are.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from ..method import GroupScores, Steps
from ..prompt import Text, fill
from ..requests import Capability, Request, Response
from ..types import Passage, Query, ScoreKind
from ._passage_labels import LabelChoice, chosen_label, logprobs

_QUESTION = 'Given a query "{query}", which of the following two passages is more relevant to the query?\n\n'
_REQUEST = "Output Passage A or Passage B:"
_NAMES = "AB"


class Pairwise(LabelChoice):
    """Pairs judged in both orders: 1 for a win in both, 0.5 each when the answers contradict each other."""

    name: ClassVar[str] = "pairwise"
    family: ClassVar[Literal["pairwise"]] = "pairwise"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.LABEL_LOGPROBS})
    strategy: ClassVar[str] = "heap-sort"
    strategy_options: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "heap-sort": {"num_child": 2, "set_size": 2},
        "bubble-sort": {"num_child": 1},
    }
    source: ClassVar[str] = "ielab/llm-rankers (Apache-2.0), https://github.com/ielab/llm-rankers"

    scoring: Literal["generation", "likelihood"] = "likelihood"

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Wins."""
        return frozenset({ScoreKind.OTHER})

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """Two prompts per pair of the group; the score is the sum over a passage's pairs."""
        pairs = list(itertools.combinations(range(len(passages)), 2))
        questions: list[list[Request]] = []
        for first, second in pairs:
            for shown in ((first, second), (second, first)):
                content = self._content(query, [passages[place] for place in shown])
                questions.append(self.requests(content, _NAMES))
        answers = iter((yield [request for requests in questions for request in requests]) if questions else ())
        verdicts = iter([self._verdict([next(answers) for _ in requests]) for requests in questions])
        scores, unread = [0.0] * len(passages), 0
        for first, second in pairs:
            forward, backward = next(verdicts), next(verdicts)
            unread += (forward is None) + (backward is None)
            won = (forward, backward)
            scores[first] += 1.0 if won == ("A", "B") else 0.0 if won == ("B", "A") else 0.5
            scores[second] += 1.0 if won == ("B", "A") else 0.0 if won == ("A", "B") else 0.5
        return GroupScores(scores=scores, kind=ScoreKind.OTHER, repairs=unread)

    def _content(self, query: Query, pair: Sequence[Passage]) -> Text:
        question = fill(_QUESTION, {"query": self.query_slot(query)})
        return (*question, *self.listed(pair, _NAMES), _REQUEST)

    def _verdict(self, responses: Sequence[Response]) -> str | None:
        """``"A"``, ``"B"``, or None for an answer that is neither."""
        if self.scoring == "generation":
            place = chosen_label(responses[0], _NAMES)
            return None if place is None else _NAMES[place]
        a, b = logprobs(responses)
        return "A" if a > b else "B" if b > a else "tie"


METHOD = Pairwise
