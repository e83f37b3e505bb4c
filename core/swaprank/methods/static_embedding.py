"""Static embeddings: token vectors looked up and averaged, compared by cosine; numpy only.

The table of the default is wordllama's (MIT, https://github.com/dleemiller/WordLlama), which a pip package carries, so
nothing is downloaded. English; under other scripts its tokens fall apart into letters and bytes, which
is reported as a low `coverage`. As `model` it reads any table in model2vec's format
(https://github.com/MinishLab/model2vec) from the hub or a folder.
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
        weights = _Weights(texts[1:]) if self.weighting == "idf" else None
        query_blocks, query_plain = self._sums(texts[0], weights)
        direction, plain = _unit(query_blocks.sum(axis=0)), _unit(query_plain)
        scores, cosines = [], []
        for text in texts[1:]:
            blocks, whole = self._sums(text, weights)
            scores.append(self._score(direction, blocks))
            # Without weights of the candidates, so that it means the same in any list.
            cosines.append(float(_unit(whole) @ plain))
        return GroupScores(
            scores=scores,
            kind=ScoreKind.COSINE,
            evidence=cosine_evidence(cosines, texts[0].coverage, [text.coverage for text in texts[1:]]),
            coverage=pair_coverage(texts[0].coverage, [text.coverage for text in texts[1:]]),
        )

    def passage_embeddings(self, passages: Sequence[Passage]) -> Sequence[Request]:
        """The mean of each passage's tokens, whatever the weighting."""
        return [Embed(passage.content, "passage") for passage in passages]

    def _sums(self, text: TokenEmbeddings, weights: _Weights | None) -> tuple[Array, Array]:
        """Sums of token vectors, which are all that scores need.

        Returns:
            Weighted, half a window's in each [blocks, dimensions], one block without windows; and of all tokens without
            weights [dimensions].
        """
        vectors = text.vectors
        tokens = len(vectors)
        factors = np.ones((2, tokens), vectors.dtype)
        if weights is not None:
            factors[0] = weights.of(text)
        if self.window is None or tokens <= self.window:
            weighted, plain = factors @ vectors
            return np.expand_dims(weighted, 0), plain
        step = self.window // 2
        whole = tokens - tokens % step
        parts = vectors[:whole].reshape(-1, step, vectors.shape[1])
        # [blocks, 2, step] @ [blocks, step, dimensions]
        sums = factors[:, :whole].reshape(2, -1, step).swapaxes(0, 1) @ parts
        rest = factors[:, whole:] @ vectors[whole:]
        blocks = sums[:, 0] if whole == tokens else np.vstack([sums[:, 0], rest[:1]])
        return blocks, sums[:, 1].sum(axis=0) + rest[1]

    def _score(self, query: Array, blocks: Array) -> float:
        """Cosine of the query [dimensions] with a text [blocks, dimensions]; 0 for no tokens."""
        whole = float(_unit(blocks.sum(axis=0)) @ query)
        if len(blocks) == 1:
            return whole
        return (whole + float((_unit(blocks[:-1] + blocks[1:]) @ query).max())) / 2


class _Weights:
    """1 + Lucene idf over the candidates, by token id; a token that no candidate has weighs most.

    Args:
        passages: The candidates in tokens, whose ids are places in a vocabulary.
    """

    def __init__(self, passages: Sequence[TokenEmbeddings]) -> None:
        texts = [_ids(passage) for passage in passages]
        # One place more than there are ids, for all that no candidate has.
        held = np.zeros(max((int(ids.max()) + 1 for ids in texts if len(ids)), default=0) + 1, dtype=np.int64)
        for ids in texts:
            # An id that a text has several times is counted once: numpy writes the same number to its place each time.
            held[ids] += 1
        counts = np.arange(len(passages) + 1)
        weights = 1.0 + np.log1p((len(passages) - counts + 0.5) / (counts + 0.5))
        # The fewer have a token, the more it weighs.
        weights[0] = weights[held[held > 0].min()] if held.any() else 1.0
        self._weights: Array = weights[held]

    def of(self, text: TokenEmbeddings) -> Array:
        """The weight of each token [tokens]."""
        weights: Array = self._weights.take(_ids(text), mode="clip")
        return weights


def _ids(text: TokenEmbeddings) -> NDArray[np.int64]:
    return np.asarray(text.ids, dtype=np.int64)


def _unit(vectors: Array) -> Array:
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: Array = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
    return unit


METHOD = StaticEmbedding
