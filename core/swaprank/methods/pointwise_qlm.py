"""Query likelihood: how probable is the query as the question that the model writes about the passage?

Code: https://github.com/ielab/llm-rankers (b36517bf, Apache-2.0), pointwise.py, method qlm, for Flan-T5. UPR, its
origin: https://arxiv.org/abs/2204.07496; its own prompt, ending and mean are a recipe.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ..method import GroupScores, Method, Steps, sequence_scores
from ..prompt import Slot, fill, user
from ..requests import Capability, SequenceLogprob
from ..types import Passage, Query, ScoreKind

# The official prompt: pointwise.py, Apache-2.0.
TEMPLATE = "Passage: {passage}\nPlease write a question based on this passage."


class PointwiseQLM(Method):
    """Score = log-probability of the query, always negative, comparable within one query only.

    Attributes:
        template: The prompt, with ``{passage}``.
        continuation: What the model is made to say, with ``{query}``. The default begins with T5's
            padding token, whose probability counts, as in the official code; for a decoder-only model write
            ``"{query}"``, or ``" {query}"`` after a prompt that ends in a word.
        chat: Whether the prompt is a user's message in the model's chat template.
        length_normalize: Mean over the tokens instead of their sum; the ranking of one query stays.
        passage_max_length: Most tokens of the passage; None for no cut but the model's own limit.
    """

    name: ClassVar[str] = "pointwise-qlm"
    family: ClassVar[Literal["pointwise"]] = "pointwise"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.SEQUENCE_LOGPROBS})
    source: ClassVar[str] = "https://github.com/ielab/llm-rankers b36517bf (Apache-2.0)"

    template: str = TEMPLATE
    continuation: str = "<pad> {query}"
    chat: bool = False
    length_normalize: bool = False
    passage_max_length: int | None = Field(default=None, ge=1)

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Log-probabilities of the query."""
        return frozenset({ScoreKind.OTHER})

    @property
    def scores_absolute(self) -> bool:
        """No: they compare within one query only."""
        return False

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One forward pass per passage."""
        responses = yield from sequence_scores([self._request(query, passage) for passage in passages])
        scores = [
            sum(response.logprobs) / (len(response.logprobs) or 1 if self.length_normalize else 1)
            for response in responses
        ]
        return GroupScores(scores=scores, kind=ScoreKind.OTHER)

    def _request(self, query: Query, passage: Passage) -> SequenceLogprob:
        text = fill(self.template, {"passage": Slot(passage.content, max_tokens=self.passage_max_length, shrinks=True)})
        prompt = user(*text, thinking=False) if self.chat else text
        return SequenceLogprob(prompt, fill(self.continuation, {"query": Slot(query.text)}))


METHOD = PointwiseQLM
