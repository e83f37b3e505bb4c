"""LiT5-Score: what a T5's decoder attends to while it answers the query out of passages that are encoded alone.

Tamber, Pradeep and Lin, Scaling Down, LiTting Up: Efficient Zero-Shot Listwise Reranking with Seq2seq Encoder-Decoder
Models (2023), arXiv 2312.16098, after Izacard and Grave, Distilling Knowledge from Reader to Retriever (2020). Prompt
and measure of castorini/LiT5, `FiD/LiT5-Score.py` and `FiD/src/` (Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from ..method import GroupScores, Method, Steps, attention
from ..prompt import Slot
from ..requests import AttendFused, Capability
from ..types import Passage, Query, ScoreKind


class LiT5Score(Method):
    """Score = the passage's share of the cross-attention, each token weighted by its value, the query left out.

    Attributes:
        max_length: Most tokens of the prompt of one passage, the query included; what is too much is cut from its
            end, as in the official code.
        query_max_length: Most tokens of the query; None for half of `max_length`. Officially the query has no limit
            of its own, so that a long one leaves no room for passages.
        max_tokens: Most tokens of the answer, during which attention is measured; its end counts.
    """

    name: ClassVar[str] = "lit5-score"
    family: ClassVar[Literal["listwise"]] = "listwise"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.FUSED_ATTENTION})
    strategy: ClassVar[str] = "sliding-window"
    strategy_options: ClassVar[Mapping[str, Mapping[str, Any]]] = {"sliding-window": {"window_size": 100, "step": 50}}
    source: ClassVar[str] = "castorini/LiT5 (Apache-2.0), https://github.com/castorini/LiT5"

    max_length: int = Field(default=150, ge=32)
    query_max_length: int | None = Field(default=None, ge=1)
    max_tokens: int = Field(default=19, ge=1)

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Attention."""
        return frozenset({ScoreKind.OTHER})

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One request per window; the share of a single passage is known."""
        if len(passages) == 1:
            return GroupScores(scores=[1.0], kind=ScoreKind.OTHER)
        opening = ("question: ", Slot(query.text, max_tokens=self.query_max_length or self.max_length // 2))
        prompts = tuple((*opening, " context: ", Slot(passage.content)) for passage in passages)
        [attended] = yield from attention([AttendFused(prompts, opening, self.max_tokens, self.max_length)])
        found = [float(tokens.sum(dtype=float)) for tokens in attended.received[0]]
        # The official run files hold shares, too; nothing is received where a query fills whole prompts.
        total = sum(found) or 1.0
        return GroupScores(scores=[one / total for one in found], kind=ScoreKind.OTHER)


METHOD = LiT5Score
