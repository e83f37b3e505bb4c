"""Relevance generation: does the passage answer the query, yes or no?

Code: https://github.com/ielab/llm-rankers (b36517bf, Apache-2.0), pointwise.py, method yes_no, for Flan-T5; after Liang
et al. (HELM), https://arxiv.org/abs/2211.09110. Chat models are asked the same question by ``chat: true``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ..method import GroupScores, Method, Steps, label_scores
from ..prompt import Slot, fill, user
from ..requests import Capability, LabelLogprobs
from ..scores.activation import sigmoid
from ..types import Passage, Query, ScoreKind
from ._logit_margin import margins

# The official prompt: pointwise.py, Apache-2.0.
TEMPLATE = "Passage: {passage}\nQuery: {query}\nDoes the passage answer the query? Answer 'Yes' or 'No'"


class PointwiseYesNo(Method):
    """Score = probability of the first word among the two as the first token of the answer.

    Attributes:
        template: The prompt, with ``{passage}`` and ``{query}``.
        words: What the model answers about a relevant and about an irrelevant passage; each is judged by
            its first token.
        chat: Whether the prompt is a user's message in the model's chat template.
        passage_max_length: Most tokens of the passage; None for no cut but the model's own limit. The
            official command line cuts at 128.
        query_max_length: Most tokens of the query.
    """

    name: ClassVar[str] = "pointwise-yes-no"
    family: ClassVar[Literal["pointwise"]] = "pointwise"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.LABEL_LOGPROBS})
    source: ClassVar[str] = "https://github.com/ielab/llm-rankers b36517bf (Apache-2.0)"

    template: str = TEMPLATE
    words: tuple[str, str] = ("Yes", "No")
    chat: bool = False
    passage_max_length: int | None = Field(default=None, ge=1)
    query_max_length: int | None = Field(default=None, ge=1)

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Probabilities."""
        return frozenset({ScoreKind.PROBABILITY})

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One forward pass per passage."""
        responses = yield from label_scores([self._request(query, passage) for passage in passages])
        return GroupScores(scores=[sigmoid(margin) for margin in margins(responses)], kind=ScoreKind.PROBABILITY)

    def _request(self, query: Query, passage: Passage) -> LabelLogprobs:
        slots = {
            "passage": Slot(passage.content, max_tokens=self.passage_max_length, shrinks=True),
            "query": Slot(query.text, max_tokens=self.query_max_length),
        }
        text = fill(self.template, slots)
        return LabelLogprobs(user(*text, thinking=False) if self.chat else text, self.words)


METHOD = PointwiseYesNo
