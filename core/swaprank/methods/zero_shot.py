"""Any instruction-following model as a pointwise scorer: your prompt, your labels, their expected value.

The expected value over graded labels is that of Zhuang et al., Beyond Yes and No, https://arxiv.org/abs/2310.14122
(RG-S); the wording of the default prompt is ours.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ..method import GroupScores, Method, Steps, label_scores
from ..prompt import Chat, Message, Slot, fill
from ..requests import Capability, LabelLogprobs
from ..scores.relevance import Range, ScoreMap
from ..types import Passage, Query, ScoreKind

PROMPT = """\
{instruction}

Query: {query}

Document: {document}

How relevant is the document to the query? Answer with one digit: 3 answers it fully, 2 in part, 1 touches the topic, \
0 has nothing to do with it."""


class ZeroShot(Method):
    """Score = sum of label value times probability among the labels, read at the first token of the answer.

    Attributes:
        instruction: What counts as relevant; a query's own instruction goes before it.
        prompt: The user's message, with ``{query}``, ``{document}`` and, if you like, ``{instruction}``.
        system: The system message; empty for none.
        labels: What the model may answer, and what each answer is worth; each is judged by its first token.
        document_max_length: Most tokens of the document; None for no cut but the model's context.
    """

    name: ClassVar[str] = "zero-shot"
    family: ClassVar[Literal["pointwise"]] = "pointwise"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.LABEL_LOGPROBS})
    source: ClassVar[str] = "arXiv 2310.14122 (expected value over graded labels); wording of the prompt is ours"

    instruction: str = "Judge whether a document helps to answer a search query."
    prompt: str = PROMPT
    system: str = ""
    labels: dict[str, float] = Field(default={"3": 3.0, "2": 2.0, "1": 1.0, "0": 0.0}, min_length=2)
    document_max_length: int | None = Field(default=None, ge=1)

    @property
    def takes_instruction(self) -> bool:
        """Whether the prompt has a place for it."""
        return "{instruction}" in self.prompt

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Numbers between the lowest and the highest value of a label."""
        return frozenset({ScoreKind.OTHER})

    def relevance_map(self, kind: ScoreKind) -> ScoreMap | None:
        """A straight line from the lowest value of a label to the highest; None where all are worth the same."""
        low, high = min(self.labels.values()), max(self.labels.values())
        return Range(low=low, high=high) if low < high else None

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One forward pass per passage."""
        responses = yield from label_scores(
            [LabelLogprobs(self._conversation(query, passage), tuple(self.labels)) for passage in passages]
        )
        scores = [self._expected(response.logprobs) for response in responses]
        return GroupScores(scores=scores, kind=ScoreKind.OTHER)

    def _conversation(self, query: Query, passage: Passage) -> Chat:
        slots = {
            "instruction": Slot(query.instruction or self.instruction),
            "query": Slot(query.text),
            "document": Slot(passage.content, max_tokens=self.document_max_length, shrinks=True),
        }
        system = (Message("system", self.system),) if self.system else ()
        return Chat((*system, Message("user", fill(self.prompt, slots))), thinking=False)

    def _expected(self, logprobs: Sequence[float]) -> float:
        highest = max(logprobs)
        weights = [math.exp(logprob - highest) for logprob in logprobs]
        return sum(weight * value for weight, value in zip(weights, self.labels.values(), strict=True)) / sum(weights)


METHOD = ZeroShot
