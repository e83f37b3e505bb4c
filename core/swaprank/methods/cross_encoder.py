"""Cross-encoder: query and passage read together, one relevance logit per pair.

Nogueira & Cho, Passage Re-ranking with BERT (2019). Two protocols, same weights:

- ``sentence-transformers`` (CrossEncoder.predict, 6.2, Apache-2.0,
  https://github.com/UKPLab/sentence-transformers): the tokenizer's own pair call, the longer side cut first.
- ``flagembedding`` (FlagReranker.compute_score, MIT, https://github.com/FlagOpen/FlagEmbedding): the query
  is cut to ``query_max_length`` and then only the passage to fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from ..method import GroupScores, Method, Steps, pair_scores
from ..requests import Capability, PairScore
from ..scores.activation import sigmoid
from ..types import Passage, Query, ScoreKind

_KINDS = {"sigmoid": ScoreKind.PROBABILITY, "identity": ScoreKind.LOGIT}


class CrossEncoder(Method):
    """Scores each (query, passage) pair on its own.

    Attributes:
        protocol: Whose tokenisation is reproduced; they differ only where something is cut.
        activation: ``"auto"`` for what the model's config asks for (sigmoid where it says nothing and
            the head has one output), ``"sigmoid"``, or ``"identity"`` for the raw logit.
        max_length: Most tokens of a pair, special tokens included; None for the model's own limit
            (512 under ``flagembedding``).
        query_max_length: Most query tokens under ``flagembedding``; None for 3/4 of `max_length`.
        query_instruction_for_rerank: Text put before the query (FlagEmbedding's name for it).
        passage_instruction_for_rerank: Text put before the passage.
        label: Which output is the relevance, for models with several.
    """

    name: ClassVar[str] = "cross-encoder"
    family: ClassVar[Literal["pointwise"]] = "pointwise"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.PAIR_SCORE})
    source: ClassVar[str] = "sentence-transformers 6.2 (Apache-2.0), https://github.com/UKPLab/sentence-transformers"

    protocol: Literal["sentence-transformers", "flagembedding"] = "sentence-transformers"
    activation: Literal["auto", "sigmoid", "identity"] = "auto"
    max_length: int | None = Field(default=None, ge=4)
    query_max_length: int | None = Field(default=None, ge=1)
    query_instruction_for_rerank: str = ""
    passage_instruction_for_rerank: str = ""
    label: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.query_max_length is not None and self.protocol != "flagembedding":
            raise ValueError(f"query_max_length is for protocol: flagembedding, not {self.protocol}")
        return self

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Those of the activation; under ``auto`` the model's config decides, when it is loaded."""
        return frozenset({_KINDS[self.activation]}) if self.activation in _KINDS else frozenset()

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One pair per passage."""
        pairs = yield from pair_scores([self._pair(query, passage) for passage in passages])
        activation = self.activation if self.activation != "auto" else pairs[0].activation
        if activation == "identity":
            scores = [response.logit for response in pairs]
        elif activation == "sigmoid":
            scores = [sigmoid(response.logit) for response in pairs]
        else:
            scores = [response.activated for response in pairs]
        return GroupScores(scores=scores, kind=_KINDS.get(activation, ScoreKind.OTHER))

    def _pair(self, query: Query, passage: Passage) -> PairScore:
        left = self.query_instruction_for_rerank + query.text
        right = self.passage_instruction_for_rerank + passage.content
        if self.protocol == "sentence-transformers":
            return PairScore(left, right, max_length=self.max_length, label=self.label)
        max_length = self.max_length or 512
        query_max_length = self.query_max_length or max_length * 3 // 4
        return PairScore(left, right, max_length, "passage", query_max_length, label=self.label)


METHOD = CrossEncoder
