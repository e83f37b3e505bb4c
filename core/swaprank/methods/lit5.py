"""LiT5-Distill: a T5 that encodes each passage of a window alone and writes the order of all of them.

Tamber, Pradeep and Lin, Scaling Down, LiTting Up: Efficient Zero-Shot Listwise Reranking with Seq2seq Encoder-Decoder
Models (2023), arXiv 2312.16098. Prompt of castorini/LiT5, `FiD/LiT5-Distill.py`, and of castorini/rank_llm,
`rerank/listwise/rank_fid.py` (both Apache-2.0). Fusion-in-Decoder: a window of 100 passages costs the encoder as much
as 100 passages alone, and only the decoder reads all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ..method import GroupScores, Method, Steps, generate
from ..prompt import Slot, Text
from ..replies.permutation import Reader, longest
from ..requests import Capability, GenerateFused
from ..scores.ranks import rank_scores
from ..types import Passage, Query, ScoreKind

# T5 does not think: all that it writes is the ranking, as in the official code.
_READER = Reader(reasoning="read")


class LiT5(Method):
    """Listwise reranking by a T5 that reads each passage alone; score = 1/rank within the window.

    Attributes:
        max_length: Most tokens of the prompt of one passage, the query included; what is too much is cut from its
            end, as in training. Officially 150, and 300 in rank_llm.
        query_max_length: Most tokens of the query; None for half of `max_length`. Officially the query has no limit
            of its own, so that a long one leaves no room for passages.
        max_tokens: Most tokens of a reply; None for as many as the ranking can take at most.
    """

    name: ClassVar[str] = "lit5"
    family: ClassVar[Literal["listwise"]] = "listwise"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.FUSED_TEXT})
    strategy: ClassVar[str] = "sliding-window"
    source: ClassVar[str] = "castorini/LiT5 (Apache-2.0), https://github.com/castorini/LiT5"

    max_length: int = Field(default=150, ge=32)
    query_max_length: int | None = Field(default=None, ge=1)
    max_tokens: int | None = Field(default=None, ge=1)

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Ranks."""
        return frozenset({ScoreKind.RANK})

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One request per window; a window of one needs none."""
        n = len(passages)
        if n == 1:
            return GroupScores(scores=[1.0], kind=ScoreKind.RANK)
        prompts = tuple(self._prompt(query, number, passage) for number, passage in enumerate(passages, start=1))
        most = self.max_tokens or longest(n)
        [reply] = yield from generate([GenerateFused(prompts, most, self.max_length)])
        found = _READER.read(reply.text, n)
        return GroupScores(scores=rank_scores(found.order), kind=ScoreKind.RANK, repairs=found.repairs)

    def _prompt(self, query: Query, number: int, passage: Passage) -> Text:
        share = self.query_max_length or self.max_length // 2
        asked = Slot(query.text, max_tokens=share)
        return ("Search Query: ", asked, f" Passage: [{number}] ", Slot(passage.content), " Relevance Ranking: ")


METHOD = LiT5
