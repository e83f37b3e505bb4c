"""zerank: the raw logit of "Yes" as the next token; the query is the system message, the document the user's.

Code: `modeling_zeranker.py` of https://huggingface.co/zeroentropy/zerank-1-small (Apache-2.0). Paper (zELO):
https://arxiv.org/abs/2509.12541.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ..method import GroupScores, Method, Steps, label_scores
from ..prompt import Chat, Message, Slot
from ..requests import Capability, LabelLogprobs
from ..scores.activation import sigmoid
from ..scores.relevance import PUBLISHED, Logistic, ScoreMap
from ..types import Passage, Query, ScoreKind
from ._activated import kinds
from ._raw_logits import raw_logits

# What the official code divides the logit by before its sigmoid.
_TEMPERATURE = 5.0


class Zerank(Method):
    """A probability: the sigmoid of a fifth of the logit of "Yes".

    Attributes:
        query_max_chars: Most characters of the query; None for no cut.
        passage_max_chars: Most characters of the passage; None for no cut.
        activation: ``"sigmoid"`` for the probability; ``"identity"`` for the logit itself, which the models' own
            code gives since May 2026.
    """

    name: ClassVar[str] = "zerank"
    family: ClassVar[Literal["pointwise"]] = "pointwise"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.LABEL_LOGPROBS})
    source: ClassVar[str] = "https://huggingface.co/zeroentropy/zerank-1-small, modeling_zeranker.py (Apache-2.0)"

    query_max_chars: int | None = Field(default=2_000, ge=1)
    passage_max_chars: int | None = Field(default=10_000, ge=1)
    activation: Literal["sigmoid", "identity"] = "sigmoid"

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Probabilities after a sigmoid, else logits."""
        return kinds(self.activation)

    def relevance_map(self, kind: ScoreKind) -> ScoreMap | None:
        """Of logits the official sigmoid."""
        return Logistic(slope=1 / _TEMPERATURE, intercept=0) if kind is ScoreKind.LOGIT else PUBLISHED.get(kind)

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One forward pass per passage."""
        responses = yield from label_scores(
            [LabelLogprobs(self._prompt(query, passage), ("Yes",)) for passage in passages]
        )
        logits = raw_logits(responses, self.name)
        if self.activation == "identity":
            return GroupScores(scores=logits, kind=ScoreKind.LOGIT)
        return GroupScores([sigmoid(logit / _TEMPERATURE) for logit in logits], ScoreKind.PROBABILITY)

    def _prompt(self, query: Query, passage: Passage) -> Chat:
        asked = query.text[: self.query_max_chars].strip()
        shown = passage.content[: self.passage_max_chars].strip()
        return Chat((Message("system", (Slot(asked),)), Message("user", (Slot(shown, shrinks=True),))))


METHOD = Zerank
