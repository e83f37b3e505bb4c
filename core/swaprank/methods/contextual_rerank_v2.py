"""Contextual AI's reranker v2: the raw logit of the vocabulary's first token after document, query and instruction.

Protocol: transformers usage of the model card (weights: CC-BY-NC-SA-4.0),
https://huggingface.co/ContextualAI/ctxl-rerank-v2-instruct-multilingual-2b. Unlike the card's code, which rounds scores
to bfloat16, it tells close passages apart, and what is too long is cut off the document's end instead of the prompt's,
where the query stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ..method import GroupScores, Method, Steps, label_scores
from ..prompt import Slot
from ..requests import Capability, LabelLogprobs
from ..scores.relevance import ScoreMap
from ..types import Passage, Query, ScoreKind
from ._raw_logits import raw_logits

# What the weights were trained with: the model card.
_QUESTION = "Check whether a given document contains information helpful to answer the query.\n<Document> "
# Token 0 of the models' vocabulary (Qwen's), whose logit was trained to be the score.
_FIRST_TOKEN = "!"


class ContextualRerankV2(Method):
    """A logit, with no published map to a probability.

    Attributes:
        instruction: What to prefer, such as recent documents; put after the query. A query's own instruction
            replaces it.
        max_length: Most tokens of the whole prompt; what is too much is cut off the document's end. The models read
            up to 32,768.
    """

    name: ClassVar[str] = "contextual-rerank-v2"
    family: ClassVar[Literal["pointwise"]] = "pointwise"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.LABEL_LOGPROBS})
    source: ClassVar[str] = "https://huggingface.co/ContextualAI/ctxl-rerank-v2-instruct-multilingual-2b, usage"

    instruction: str = ""
    max_length: int = Field(default=8192, ge=64)

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Logits."""
        return frozenset({ScoreKind.LOGIT})

    def relevance_map(self, kind: ScoreKind) -> ScoreMap | None:
        """None: the logits of relevant passages are often below 0, and the models publish no map."""
        return None

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One forward pass per passage."""
        responses = yield from label_scores([self._request(query, passage) for passage in passages])
        return GroupScores(scores=raw_logits(responses, self.name), kind=ScoreKind.LOGIT)

    def _request(self, query: Query, passage: Passage) -> LabelLogprobs:
        instruction = query.instruction or self.instruction
        prompt: tuple[str | Slot, ...] = (
            _QUESTION,
            Slot(passage.content, shrinks=True),
            "\n<Query> ",
            Slot(query.text),
            *((" ", Slot(instruction)) if instruction else ()),
            " ??",
        )
        return LabelLogprobs(prompt, (_FIRST_TOKEN,), single=True, max_length=self.max_length)


METHOD = ContextualRerankV2
