"""Lexical match for bare candidate lists: BM25 of words, word pairs and character 4-grams, blended.

BM25 needs document frequencies, and a reranker often has no collection to take them from: in the
candidate list itself the query's terms are everywhere. This method weighs words by their rarity in the
language at large as well (from the ranks of a subword vocabulary), and adds adjacent word pairs, which
reward phrases, and character 4-grams, which reward inflected and joined forms. It beats plain BM25 over
the candidates on every collection of docs/embedded-default.md; with a collection at hand use `bm25`.
Ours; for pairs see Metzler & Croft's sequential dependence model (2005), for n-grams McNamee & Mayfield (2004).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ..method import GroupScores, Method, Steps, lexical_scores
from ..requests import Capability, LexicalBlend
from ..scores.ranks import order_scores
from ..scores.relevance import WeighedEvidence
from ..scores.score_list import present
from ..types import Passage, Query, ScoreKind

# Fitted by tests/benchmarks/relevance.py --without-wordllama: docs/scores.md. The recipe `embedded` has the same.
_RELEVANCE = WeighedEvidence(weights={"pairs": 5.27, "terms": 4.49}, intercept=-1.99)


class LexicalMatch(Method):
    """Blend of three BM25 scores, each standardised over the candidates.

    Attributes:
        pairs: Weight of adjacent word pairs beside words.
        grams: Weight of character 4-grams beside words.
    """

    name: ClassVar[str] = "lexical"
    family: ClassVar[Literal["lexical"]] = "lexical"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.LEXICAL})
    backend: ClassVar[str] = "embedded"
    takes_model: ClassVar[Literal["never"]] = "never"
    source: ClassVar[str] = "swaprank"

    pairs: float = Field(default=0.5, ge=0, allow_inf_nan=False)
    grams: float = Field(default=0.5, ge=0, allow_inf_nan=False)

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Sums of z-scores."""
        return frozenset({ScoreKind.OTHER})

    @property
    def scores_absolute(self) -> bool:
        """No: they are standardised over the candidates."""
        return False

    @property
    def evidence(self) -> frozenset[str]:
        """The shares of the query's words and of its pairs that a passage holds."""
        return frozenset({"terms", "pairs"})

    @property
    def evidence_map(self) -> WeighedEvidence:
        """A logistic map of both, fitted on ten collections."""
        return _RELEVANCE

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One request for the whole group."""
        texts = tuple(passage.content for passage in passages)
        retrieval = [passage.score for passage in passages]
        given = tuple(retrieval if present(retrieval) else order_scores(len(passages))) if query.retrieved else ()
        [response] = yield from lexical_scores([LexicalBlend(query.text, texts, self.pairs, self.grams, given)])
        return GroupScores(
            scores=response.scores,
            kind=ScoreKind.OTHER,
            evidence=response.evidence,
            explained=response.explained,
        )


METHOD = LexicalMatch
