"""BGE's LLM reranker: the raw logit of "Yes" as the next token.

Code: https://github.com/FlagOpen/FlagEmbedding (7ed43d67, MIT), inference/reranker/decoder_only/base.py. The
layerwise and the lightweight model have methods of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ..method import Method, Steps, label_scores
from ..prompt import Slot, Span, Special
from ..requests import Capability, LabelLogprobs
from ..types import Passage, Query, ScoreKind
from ._activated import activated, kinds
from ._raw_logits import raw_logits

# What the weights were trained with: FlagEmbedding, MIT.
PROMPT = (
    "Given a query A and a passage B, determine whether the passage contains an answer to the query by providing a "
    "prediction of either 'Yes' or 'No'."
)
_SEPARATOR = "\n"


class BgeLLMReranker(Method):
    """A logit, or its sigmoid; not comparable between models.

    Attributes:
        prompt: The question after the pair.
        max_length: Most tokens of query and passage. Separator and question come on top, as in the
            official code; the model card takes 1024.
        query_max_length: Most tokens of the query; None for three quarters of `max_length`.
        query_instruction_for_rerank: Text put before the query.
        passage_instruction_for_rerank: Text put before the passage.
        activation: ``"identity"`` for the logit; ``"sigmoid"`` is the official ``normalize=True``.
    """

    name: ClassVar[str] = "bge-llm-reranker"
    family: ClassVar[Literal["pointwise"]] = "pointwise"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.LABEL_LOGPROBS})
    source: ClassVar[str] = "https://github.com/FlagOpen/FlagEmbedding 7ed43d67 (MIT)"

    prompt: str = PROMPT
    max_length: int = Field(default=512, ge=4)
    query_max_length: int | None = Field(default=None, ge=1)
    query_instruction_for_rerank: str = "A: "
    passage_instruction_for_rerank: str = "B: "
    activation: Literal["identity", "sigmoid"] = "identity"

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Probabilities after a sigmoid, else logits."""
        return kinds(self.activation)

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One forward pass per passage."""
        responses = yield from label_scores(
            [LabelLogprobs(self._prompt(query, passage), ("Yes",)) for passage in passages]
        )
        logits = raw_logits(responses, self.name)
        return activated(logits, self.activation)

    def _prompt(self, query: Query, passage: Passage) -> Span:
        passage_side = (self.passage_instruction_for_rerank, Slot(passage.content))
        pair = Span(
            (*self._before(query), Span((passage_side,), max_tokens=self.max_length, shrinks=True)),
            max_tokens=self.max_length,
            plus=self._after,
            shrinks=True,
        )
        return Span((pair, *self._after))

    def _before(self, query: Query) -> tuple[Special | Span | str, ...]:
        """The parts of the prompt in front of the passage."""
        query_side = (self.query_instruction_for_rerank, Slot(query.text))
        most = self.query_max_length or self.max_length * 3 // 4
        return Special.BOS, Span((query_side,), max_tokens=most), _SEPARATOR

    @property
    def _after(self) -> tuple[str, str]:
        """The parts of the prompt behind the passage."""
        return _SEPARATOR, self.prompt


METHOD = BgeLLMReranker
