"""DeAR's first stage: a LLaMA with a one-output classification head scores each pair.

Paper: https://arxiv.org/abs/2508.16998. Code: https://github.com/DataScienceUIBK/DeAR-Reranking (c31c7398; MIT badge,
no licence file), of which `simple_rerank.py` is what users run and `pointwise_reranker/inference.py` what the figures
were made with. The two cut long texts at different places.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ..method import GroupScores, Method, Steps, pair_scores
from ..requests import Capability, PairScore
from ..scores.relevance import ScoreMap
from ..types import Passage, Query, ScoreKind, readable

# What inference.py keeps free of the passage's share for special tokens.
_RESERVED = 3


class DearPointwise(Method):
    """The raw logit of the head; published models give about -13 to -1.

    Attributes:
        protocol: ``"simple_rerank"`` cuts the longer side of the pair to `q_max_len` + `p_max_len` tokens
            in all; ``"inference"`` cuts each side to its own share.
        q_max_len: Tokens of the query.
        p_max_len: Tokens of the passage. The default is the official one and cuts most real passages.
    """

    name: ClassVar[str] = "dear-pointwise"
    family: ClassVar[Literal["pointwise"]] = "pointwise"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.PAIR_SCORE})
    source: ClassVar[str] = "https://github.com/DataScienceUIBK/DeAR-Reranking c31c7398"

    protocol: Literal["simple_rerank", "inference"] = "simple_rerank"
    q_max_len: int = Field(default=32, ge=4)
    p_max_len: int = Field(default=196, ge=8)

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Logits."""
        return frozenset({ScoreKind.LOGIT})

    def relevance_map(self, kind: ScoreKind) -> ScoreMap | None:
        """None: the models are trained to order, and their logits are all far below 0."""
        return None

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One pair per passage."""
        pairs = yield from pair_scores([self._pair(query, passage) for passage in passages])
        return GroupScores(scores=[pair.logit for pair in pairs], kind=ScoreKind.LOGIT)

    def _pair(self, query: Query, passage: Passage) -> PairScore:
        # Without a title two spaces stay; they change the token ids, and the models have seen them.
        left, right = f"query: {query.text}", readable(f"document: {passage.title or ''} {passage.text}")
        if self.protocol == "simple_rerank":
            return PairScore(left, right, max_length=self.q_max_len + self.p_max_len)
        return PairScore(
            left,
            right,
            truncation="sides",
            query_max_length=self.q_max_len,
            passage_max_length=self.p_max_len - _RESERVED,
        )


METHOD = DearPointwise
