"""Relevance feedback: the reranker's scores improve the query embedding, for a second retrieval.

Reddy et al., FIRST (2024), arXiv 2406.15657, after ReFIT (2023), arXiv 2305.11744: the query vector takes gradient
steps until the retriever's distribution over the first passages is the reranker's. E2Rank (2025), arXiv 2510.22733,
needs no steps: what it has made of query and passages is the better query.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..flow.flow import Flow, ask
from ..method import responses_of
from ..requests import Embedded
from ..scores.vectors import check_vector
from ..types import Passage, Query, Ranking, ScoreKind
from .method_ranker import MethodRanker
from .ranker import Ranker

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]

Embeddings = Callable[[list[str]], Sequence[Sequence[float]]]
"""From texts to one vector each, such as the ``embed_documents`` of a LangChain embedding model."""

# Adam's decay rates, and the least probability that differs from zero.
_FIRST, _SECOND, _TINY = 0.9, 0.999, 1e-6


@dataclass(frozen=True, slots=True)
class Feedback:
    """How far the query moves; the defaults are those of the official code (gangiswag/llm-reranker).

    Attributes:
        k: How many passages it learns from, best first.
        steps: Steps of gradient descent, by Adam.
        learning_rate: Size of a step in every coordinate.
    """

    k: int = 20
    steps: int = 100
    learning_rate: float = 0.005

    def __post_init__(self) -> None:
        if self.k < 1 or self.steps < 0 or not self.learning_rate > 0:
            raise InputError(f"{self} moves nothing.", hint="Give k and learning_rate above 0, steps of at least 0.")


def moved(
    query: Sequence[float], passages: Sequence[Sequence[float]], scores: Sequence[float], how: Feedback
) -> Vector:
    """The query vector, moved until the retriever scores passages as the reranker does.

    Minimises the Kullback-Leibler divergence of the retriever's softmax from the reranker's, where the dot products
    are stretched to half the range of the reranker's scores, as in the official code.

    Args:
        query: The retriever's query embedding, [dimensions].
        passages: Its passage embeddings, [passages, dimensions].
        scores: The reranker's, as logits.
        how: Steps and their size.

    Raises:
        InputError: The embeddings differ in size.
    """
    sizes = {len(vector) for vector in (query, *passages)}
    if len(sizes) > 1:
        raise InputError(f"The embeddings have different sizes: {sorted(sizes)}.", hint="Take them from one model.")
    vector, matrix = np.array(query, dtype=np.float64), np.asarray(passages, dtype=np.float64)
    target = np.asarray(scores, dtype=np.float64)
    spread = float(np.ptp(matrix @ vector))
    scale = float(np.ptp(target)) / spread / 2 if spread > 0 else 1.0
    wanted = _softmax(target)
    mean, square = np.zeros_like(vector), np.zeros_like(vector)
    for step in range(1, how.steps + 1):
        gradient = scale * (_softmax(scale * (matrix @ vector)) - wanted) @ matrix
        mean = _FIRST * mean + (1 - _FIRST) * gradient
        square = _SECOND * square + (1 - _SECOND) * gradient**2
        unbiased = np.sqrt(square / (1 - _SECOND**step)) + 1e-8
        vector -= how.learning_rate * mean / (1 - _FIRST**step) / unbiased
    return vector


def logits(ranking: Ranking, k: int) -> list[float]:
    """The scores of the first passages on a scale on which their softmax is the reranker's distribution.

    Of probabilities and scores by rank the logarithms are taken, so that the softmax gives them back up to a factor.
    """
    scores = [ranked.score for ranked in ranking.passages[:k]]
    if ranking.score_kind in (ScoreKind.PROBABILITY, ScoreKind.RANK):
        return [math.log(max(score, _TINY)) for score in scores]
    return scores


def with_embeddings(passages: Sequence[Passage], embeddings: Embeddings | None) -> list[Passage]:
    """The passages, those without an embedding given one.

    Raises:
        InputError: Not one vector per text came back.
    """
    missing = [place for place, passage in enumerate(passages) if passage.embedding is None]
    if embeddings is None or not missing:
        return list(passages)
    returned: Any = embeddings([passages[place].content for place in missing])
    vectors = list(returned) if isinstance(returned, Iterable) else []
    if len(vectors) != len(missing):
        raise InputError(
            f"embeddings gave {len(vectors)} vectors ({type(returned).__name__}) for {len(missing)} texts.",
            hint="Give one per text.",
        )
    for vector in vectors:
        check_vector(vector, "An embedding that embeddings gave")
    found = dict(zip(missing, vectors, strict=True))
    return [
        replace(passage, embedding=found[place]) if place in found else passage
        for place, passage in enumerate(passages)
    ]


def better_query(
    ranker: Ranker, query: Query, ranking: Ranking, how: Feedback, embeddings: Embeddings | None
) -> Flow[list[float]]:
    """A better query embedding: the method's own where it makes one, else the moved one.

    Raises:
        InputError: An embedding is missing that must be moved or compared, or they lead to one that is not finite.
    """
    first = [ranked.passage for ranked in ranking.passages[: how.k]]
    request = ranker.method.feedback_request(query, first) if isinstance(ranker, MethodRanker) else None
    if isinstance(ranker, MethodRanker) and request is not None:
        [embedded] = responses_of(Embedded, (yield from ask(ranker.backend, [request])).responses)
        return _floats(embedded.vector)
    if query.embedding is None:
        raise InputError(
            f"The query {query.text[:60]!r} has no embedding to move.",
            hint="Give Query(text, embedding=...), as the retriever embeds it.",
        )
    known = [passage.embedding for passage in with_embeddings(first, embeddings)]
    vectors = [vector for vector in known if vector is not None]
    if len(vectors) < len(known):
        raise InputError(
            f"{len(known) - len(vectors)} of {len(known)} passages have no embedding to learn from.",
            hint="Give Passage(text, embedding=...), or embeddings=<a function from texts to vectors>.",
        )
    if not vectors:
        return _floats(query.embedding)
    with np.errstate(over="ignore", invalid="ignore"):
        better = moved(query.embedding, vectors, logits(ranking, how.k), how)
    if not np.isfinite(better).all():
        raise InputError(
            "The embeddings of the query and the passages lead to one that is not finite.",
            hint="Give finite embeddings of ordinary size.",
        )
    return _floats(better)


def _softmax(scores: Vector) -> Vector:
    raised: Vector = np.exp(scores - scores.max())
    raised /= raised.sum()
    return raised


def _floats(vector: Any) -> list[float]:
    return [float(value) for value in vector]
