"""Static embeddings: token vectors looked up and averaged, compared by cosine; numpy only.

The table is wordllama's (MIT, https://github.com/dleemiller/WordLlama), which a pip package carries, so
nothing is downloaded. English; under other scripts its tokens fall apart into letters and bytes, which
is reported as a low `coverage`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from ..method import GroupScores, Method, Steps, token_embeddings
from ..requests import Capability, Embed, EmbedTokens, Request, TokenEmbeddings
from ..types import Passage, Query, ScoreKind
from ._embedding_similarity import EVIDENCE, cosine_evidence, embedding_steps, pair_coverage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]


class StaticEmbedding(Method):
    """Cosine of averaged static token embeddings.

    Attributes:
        weighting: ``"mean"`` counts every token alike, as wordllama does; ``"idf"`` counts a token
            1 + its Lucene idf over the candidates, so that what they share weighs less.
        window: Tokens of a window; the score is then the mean of the whole passage's cosine and its best
            window's, because an average over a long passage drowns the sentence that matters.
    """

    name: ClassVar[str] = "static-embedding"
    family: ClassVar[Literal["embedding"]] = "embedding"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.EMBEDDINGS, Capability.TOKEN_EMBEDDINGS})
    backend: ClassVar[str] = "embedded"
    takes_model: ClassVar[Literal["optional"]] = "optional"
    source: ClassVar[str] = "wordllama 0.4 (MIT), https://github.com/dleemiller/WordLlama"

    weighting: Literal["mean", "idf"] = "mean"
    window: int | None = Field(default=None, ge=2)

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Cosines."""
        return frozenset({ScoreKind.COSINE})

    @property
    def evidence(self) -> frozenset[str]:
        """The cosine of plain averages, and how far the vocabulary reads the texts."""
        return EVIDENCE

    @property
    def scores_depend_on_others(self) -> bool:
        """Whether tokens are weighed by how many candidates have them."""
        return self.weighting == "idf"

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One embedding for the query and one per passage, or those of all their tokens."""
        if self.weighting == "mean" and self.window is None:
            return (yield from embedding_steps(query, passages))
        requests = [EmbedTokens(query.text, "query")]
        requests += [EmbedTokens(passage.content, "passage") for passage in passages]
        texts = yield from token_embeddings(requests)
        weights = _weights(texts[1:]) if self.weighting == "idf" else {}
        direction = _unit(_weighted(texts[0], weights).sum(axis=0))
        # Without weights of the candidates, so that it means the same in any list.
        plain = _unit(texts[0].vectors.sum(axis=0))
        cosines = [float(_unit(text.vectors.sum(axis=0)) @ plain) for text in texts[1:]]
        return GroupScores(
            scores=[self._score(direction, _weighted(text, weights)) for text in texts[1:]],
            kind=ScoreKind.COSINE,
            evidence=cosine_evidence(cosines, texts[0].coverage, [text.coverage for text in texts[1:]]),
            coverage=pair_coverage(texts[0].coverage, [text.coverage for text in texts[1:]]),
        )

    def passage_embeddings(self, passages: Sequence[Passage]) -> Sequence[Request]:
        """The mean of each passage's tokens, whatever the weighting."""
        return [Embed(passage.content, "passage") for passage in passages]

    def _score(self, query: Array, tokens: Array) -> float:
        """Cosine of the query [dimensions] with weighted tokens [tokens, dimensions]; 0 for no tokens."""
        whole = float(_unit(tokens.sum(axis=0)) @ query)
        if self.window is None or len(tokens) <= self.window:
            return whole
        step = self.window // 2
        blocks = np.add.reduceat(tokens, np.arange(0, len(tokens), step), axis=0)
        windows = _unit(blocks[:-1] + blocks[1:])
        return (whole + float((windows @ query).max())) / 2


def _weights(passages: Sequence[TokenEmbeddings]) -> dict[int, float]:
    """1 + Lucene idf over the candidates, by token id."""
    ids, counts = np.unique(np.concatenate([np.unique(passage.ids) for passage in passages]), return_counts=True)
    idf = np.log1p((len(passages) - counts + 0.5) / (counts + 0.5))
    return dict(zip(ids.tolist(), (1.0 + idf).tolist(), strict=True))


def _weighted(text: TokenEmbeddings, weights: dict[int, float]) -> Array:
    """The token vectors [tokens, dimensions], each times its weight; a token no candidate has weighs most."""
    vectors = text.vectors
    if not weights:
        return vectors
    unseen = max(weights.values())
    factors = np.array([weights.get(identity, unseen) for identity in text.ids], dtype=vectors.dtype)
    weighted: Array = vectors * factors[:, None]
    return weighted


def _unit(vectors: Array) -> Array:
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: Array = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
    return unit


METHOD = StaticEmbedding
