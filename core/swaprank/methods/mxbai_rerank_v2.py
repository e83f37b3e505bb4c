"""mxbai-rerank-v2, which is ProRank: the logit of "1" minus the logit of "0" as the next token.

Code: https://github.com/mixedbread-ai/mxbai-rerank (8e709dca, Apache-2.0), mxbai_rerank_v2.py. Paper (ProRank):
https://arxiv.org/abs/2506.03487. Unlike the official code, it scores
all candidates, not only the first hundred.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ..method import GroupScores, Method, Steps, label_scores
from ..prompt import Slot, Span
from ..requests import Capability, LabelLogprobs
from ..scores.activation import sigmoid
from ..scores.relevance import PUBLISHED, Logistic, ScoreMap
from ..types import Passage, Query, ScoreKind
from ._activated import kinds
from ._logit_margin import margins

# What the weights were trained with: mxbai_rerank_v2.py, Apache-2.0.
_PREFIX = (
    "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n"
    "<|im_start|>user\n"
)
_TASK = (
    "You are a search relevance expert who evaluates how well documents match search queries. For each query-document "
    "pair, carefully analyze the semantic relationship between them, then provide your binary relevance judgment "
    "(0 for not relevant, 1 for relevant).\nRelevance:"
)
_SUFFIX = "<|im_end|>\n<|im_start|>assistant\n"


class MxbaiRerankV2(Method):
    """The difference of two logits.

    Attributes:
        instruction: Put before the query, whose budget it shares; a query's own instruction goes before it.
        max_length: Most tokens of instruction, query and document; the query takes three quarters at most.
        activation: ``"sigmoid"`` is the official ``normalize=True``.
        estimated_max: The logit difference that the sigmoid takes for nearly certain: 9 for the base
            model, 12 for the large one.
    """

    name: ClassVar[str] = "mxbai-rerank-v2"
    family: ClassVar[Literal["pointwise"]] = "pointwise"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.LABEL_LOGPROBS})
    source: ClassVar[str] = "https://github.com/mixedbread-ai/mxbai-rerank 8e709dca (Apache-2.0)"

    instruction: str = ""
    max_length: int = Field(default=8192, ge=16)
    activation: Literal["identity", "sigmoid"] = "identity"
    estimated_max: float = 12.0

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Probabilities after a sigmoid, else logits."""
        return kinds(self.activation)

    def relevance_map(self, kind: ScoreKind) -> ScoreMap | None:
        """Of logits the official sigmoid, around half of `estimated_max`."""
        return Logistic(slope=1, intercept=-self.estimated_max / 2) if kind is ScoreKind.LOGIT else PUBLISHED.get(kind)

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One forward pass per passage."""
        responses = yield from label_scores(
            [LabelLogprobs(self._prompt(query, passage), ("1", "0")) for passage in passages]
        )
        scores = margins(responses)
        if self.activation == "identity":
            return GroupScores(scores=scores, kind=ScoreKind.LOGIT)
        return GroupScores([sigmoid(score - self.estimated_max / 2) for score in scores], ScoreKind.PROBABILITY)

    def _prompt(self, query: Query, passage: Passage) -> Span:
        instruction = query.instruction or self.instruction
        query_side: tuple[str | Slot, ...] = ("query: ", Slot(query.text))
        if instruction:
            query_side = ("instruction: ", Slot(instruction), "\n", *query_side)
        pair = Span(
            (
                Span((query_side,), max_tokens=self.max_length * 3 // 4),
                "\n",
                Span((("document: ", Slot(passage.content)),), shrinks=True),
            ),
            max_tokens=self.max_length,
            shrinks=True,
        )
        return Span((_PREFIX, pair, "\n", _TASK, _SUFFIX))


METHOD = MxbaiRerankV2
