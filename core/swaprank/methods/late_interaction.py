"""Late interaction: query and passage embedded apart, token by token, and compared by MaxSim.

ColBERT (https://arxiv.org/abs/2004.12832), ColBERTv2, JaColBERTv2.5, ColBERT-XM and their kin. Protocol of
colbert-ai and of PyLate (both MIT, https://github.com/lightonai/pylate), which agree on the scores of one passage.
Unlike in `pylate.rank.rerank`, a passage's score does not depend on how long the other passages are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ..method import GroupScores, Method, Steps, token_embeddings
from ..requests import Capability, EmbedTokens
from ..scores.late_interaction import max_sim
from ..types import Passage, Query, ScoreKind
from ._embedding_similarity import pair_coverage


class LateInteraction(Method):
    """Sum over the query's tokens of the best similarity with any token of the passage (MaxSim).

    Where an option is None, the model's own config decides.

    Attributes:
        query_length: Tokens of a query, special tokens and marker included; the rest is cut, and a shorter
            query is filled up with mask tokens.
        document_length: Most tokens of a passage.
        do_query_expansion: Whether a short query is filled up.
        attend_to_expansion_tokens: Whether the query's tokens attend to those mask tokens.
        skiplist_words: Marks that do not count as tokens of a passage.
        query_prefix: Marker of a query: a token of the vocabulary.
        document_prefix: Marker of a passage.
    """

    name: ClassVar[str] = "late-interaction"
    family: ClassVar[Literal["embedding"]] = "embedding"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TOKEN_EMBEDDINGS})
    source: ClassVar[str] = "PyLate 1f1f47c (MIT), https://github.com/lightonai/pylate; colbert-ai (MIT)"

    query_length: int | None = Field(default=None, ge=4)
    document_length: int | None = Field(default=None, ge=4)
    do_query_expansion: bool | None = None
    attend_to_expansion_tokens: bool | None = None
    skiplist_words: tuple[str, ...] | None = None
    query_prefix: str | None = None
    document_prefix: str | None = None

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Sums over the query's tokens, which longer queries have more of."""
        return frozenset({ScoreKind.DOT})

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """The token embeddings of the query and of each passage."""
        query_tokens = EmbedTokens(
            query.text,
            "query",
            self.query_length,
            marker=self.query_prefix,
            expansion=self.do_query_expansion,
            attended=self.attend_to_expansion_tokens,
        )
        texts = yield from token_embeddings([query_tokens, *(self._passage(passage) for passage in passages)])
        return GroupScores(
            scores=max_sim(texts[0].vectors, [text.vectors for text in texts[1:]]),
            kind=ScoreKind.DOT,
            coverage=pair_coverage(texts[0].coverage, [text.coverage for text in texts[1:]]),
        )

    def _passage(self, passage: Passage) -> EmbedTokens:
        return EmbedTokens(
            passage.content,
            "passage",
            self.document_length,
            marker=self.document_prefix,
            skip=self.skiplist_words,
        )


METHOD = LateInteraction
