"""The steps that embedding methods share: ask for the missing embeddings, compare, report coverage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..errors import ResponseError
from ..method import GroupScores, Steps, embeddings
from ..requests import Embed, EmbedPrompt
from ..scores.trust import coverage_trust
from ..types import Passage, Query, ScoreKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]


def embedding_steps(
    query: Query,
    passages: Sequence[Passage],
    *,
    similarity: Literal["cosine", "dot"] = "cosine",
    query_prompt: str | None = None,
    passage_prompt: str | None = None,
    max_length: int | None = None,
    reuse: bool = False,
) -> Steps:
    """Score passages by the similarity of their embeddings to the query's.

    Args:
        query: The query, perhaps with its embedding.
        passages: The passages, perhaps with their embeddings.
        similarity: ``"cosine"`` or ``"dot"``.
        query_prompt: Text before the query; None for the model's own.
        passage_prompt: Text before a passage; None for the model's own.
        max_length: Most tokens of a text.
        reuse: Use embeddings that the query and the passages bring along. One of another size than
            the model's own cannot be the model's, and is computed again.

    Returns:
        One similarity per passage; 0 where an embedding is the zero vector.

    Raises:
        ResponseError: The model's embeddings differ in size.
    """
    given = [query.embedding, *(passage.embedding for passage in passages)] if reuse else [None] * (len(passages) + 1)
    requests: list[Embed | EmbedPrompt] = [Embed(query.text, "query", query_prompt, max_length)]
    requests += [Embed(passage.content, "passage", passage_prompt, max_length) for passage in passages]
    return (yield from similarity_steps(requests, given, similarity))


def similarity_steps(
    requests: Sequence[Embed | EmbedPrompt],
    given: Sequence[Sequence[float] | None],
    similarity: Literal["cosine", "dot"] = "cosine",
) -> Steps:
    """Score by similarity to the first of several embeddings; only those that are not given are asked for.

    Args:
        requests: What asks for each embedding: the query's, then one per passage.
        given: The embeddings that are known. One of another size than the model's own is asked for again, and so is
            one with a number that is not finite.
        similarity: ``"cosine"`` or ``"dot"``.

    Returns:
        One similarity per passage; 0 where an embedding is the zero vector.

    Raises:
        ResponseError: The model's embeddings differ in size.
    """
    vectors = [None if each is None else _known(each) for each in given]
    coverages: dict[int, float | None] = {}

    missing = [place for place, vector in enumerate(vectors) if vector is None]
    while missing:
        responses = yield from embeddings([requests[place] for place in missing])
        for place, response in zip(missing, responses, strict=True):
            vectors[place] = np.asarray(response.vector, dtype=np.float64)
            coverages[place] = response.coverage
        own = np.asarray(vectors[missing[0]]).shape
        missing = [
            place
            for place, vector in enumerate(vectors)
            if place not in coverages and vector is not None and vector.shape != own
        ]
    scores = _similarities([vector for vector in vectors if vector is not None], similarity)
    covered = [coverages.get(place) for place in range(len(vectors))]
    return GroupScores(
        scores=scores,
        kind=ScoreKind.COSINE if similarity == "cosine" else ScoreKind.DOT,
        evidence=cosine_evidence(scores, covered[0], covered[1:]) if similarity == "cosine" else {},
        coverage=pair_coverage(coverages.pop(0, None), list(coverages.values())),
    )


EVIDENCE = frozenset({"cosine", "readable"})


def cosine_evidence(
    cosines: Sequence[float], query: float | None, passages: Sequence[float | None]
) -> dict[str, list[float]]:
    """`EVIDENCE`: how far each pair is ``readable`` to the encoder, 0 to 1, and its ``cosine`` times that.

    Args:
        cosines: Of the query with each passage, by themselves.
        query: How much of the query the vocabulary covers; None where nobody can tell.
        passages: How much of each passage it covers.
    """
    readable = [
        coverage_trust(min((one for one in (query, passage) if one is not None), default=None)) for passage in passages
    ]
    return {
        "cosine": [cosine * trust for cosine, trust in zip(cosines, readable, strict=True)],
        "readable": readable,
    }


def pair_coverage(query: float | None, passages: Sequence[float | None]) -> float | None:
    """The lower of the query's coverage and the passages' mean: a cosine is worth no more than its weaker side."""
    known = [covered for covered in passages if covered is not None]
    sides = [] if query is None else [query]
    sides += [sum(known) / len(known)] if known else []
    return min(sides) if sides else None


def _known(embedding: Sequence[float]) -> Vector | None:
    vector = np.asarray(embedding, dtype=np.float64)
    return vector if np.isfinite(vector).all() else None


def _similarities(vectors: list[Vector], similarity: str) -> list[float]:
    """Similarity of every further vector to the first."""
    sizes = {vector.shape for vector in vectors}
    if len(sizes) != 1:
        raise ResponseError(f"The embeddings to compare have different sizes: {sorted(sizes)}.")
    matrix = np.stack(vectors)
    if similarity == "cosine":
        norms = np.linalg.norm(matrix, axis=1, keepdims=True)
        matrix = np.divide(matrix, norms, out=np.zeros_like(matrix), where=norms != 0)
    # Row by row, because a matrix product may round equal passages differently.
    return [float(score) for score in (matrix[1:] * matrix[0]).sum(axis=1)]
