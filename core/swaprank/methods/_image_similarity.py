"""The steps of embedding methods that read images beside texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..errors import ImageError, ResponseError
from ..method import GroupScores, Steps, embeddings
from ..requests import Embed, EmbedImage
from ..types import Passage, Query, ScoreKind
from ._embedding_similarity import pair_coverage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]


def image_similarity_steps(
    query: Query,
    passages: Sequence[Passage],
    query_request: Embed,
    passage_requests: Sequence[Embed],
    *,
    similarity: Literal["cosine", "dot"],
    blend: bool,
) -> Steps:
    """Score passages by the similarity of their images, or of their texts where they have none, to the query.

    A passage of several images counts as its best one. One whose images cannot be read counts by its text, and ranks
    last where it has none; the warnings say so.

    Args:
        query: The query, a text or images or both.
        passages: The passages.
        query_request: What asks for the query's text.
        passage_requests: What asks for each passage's text.
        similarity: ``"cosine"`` or ``"dot"``.
        blend: Whether what has both text and images counts as their mean; else its images count.

    Raises:
        ImageError: No image of the query can be read, and it has no text.
        ResponseError: The model's embeddings differ in size.
    """
    texts = [query_request, *passage_requests]
    images = [query.images, *(passage.images for passage in passages)]
    has_text = [bool(query.text.strip()), *(not passage.has_no_text for passage in passages)]
    # What is to be embedded of each: its images, and its text where it counts.
    wanted: list[list[Embed | EmbedImage]] = [
        [*map(EmbedImage, own), *([text] if not own or (blend and has) else [])]
        for text, own, has in zip(texts, images, has_text, strict=True)
    ]
    found, problems = yield from _embedded(wanted)
    lost = [place for place, vectors in enumerate(found) if not vectors]
    if 0 in lost and not has_text[0]:
        raise ImageError(problems[0][1])
    again = [place for place in lost if has_text[place]]
    rescued, _ = yield from _embedded([[texts[place]] for place in again])
    for place, vectors in zip(again, rescued, strict=True):
        found[place] = vectors
    units = [[_unit(vector) if similarity == "cosine" else vector for _, vector, _ in own] for own in found]
    kinds = [[isinstance(request, EmbedImage) for request, _, _ in own] for own in found]
    sizes = {vector.shape for own in units for vector in own}
    if len(sizes) > 1:
        raise ResponseError(f"The embeddings to compare have different sizes: {sorted(sizes)}.")
    asked = _of_query(units[0], similarity)
    scores = [
        _best(asked, vectors, of_image, similarity) for vectors, of_image in zip(units[1:], kinds[1:], strict=True)
    ]
    known = [score for score in scores if score is not None]
    floor = min(known, default=0.0) - 1.0
    coverages = [[covered for request, _, covered in own if isinstance(request, Embed)] for own in found]
    return GroupScores(
        scores=[floor if score is None else score for score in scores],
        kind=ScoreKind.COSINE if similarity == "cosine" else ScoreKind.DOT,
        coverage=pair_coverage(*_coverage(coverages)),
        warnings=[
            *(f"{named(place - 1, passages) if place else 'The query'}: {why}" for place, why in problems),
            *_mixed_warning([own for own, passage in zip(kinds[1:], passages, strict=True) if not passage.is_empty]),
        ],
    )


def named(place: int, passages: Sequence[Passage]) -> str:
    """What a warning calls a passage: its id, or else its place."""
    own = passages[place].id
    return f"Passage {place if own is None else repr(own)}"


_Found = list[tuple[Embed | EmbedImage, Any, float | None]]


def _embedded(wanted: Sequence[Sequence[Embed | EmbedImage]]) -> Any:
    """The vectors of each list of requests without those of unreadable images, and what is wrong with these."""
    requests = [request for own in wanted for request in own]
    responses = iter((yield from embeddings(requests)))
    found: list[_Found] = []
    problems: list[tuple[int, str]] = []
    for place, own in enumerate(wanted):
        vectors: _Found = []
        for request in own:
            response = next(responses)
            if response.unreadable:
                problems.append((place, response.unreadable))
            else:
                vectors.append((request, np.asarray(response.vector, dtype=np.float64), response.coverage))
        found.append(vectors)
    return found, problems


def _of_query(vectors: Sequence[Vector], similarity: str) -> Vector:
    """The mean of what the query says and shows."""
    mean: Vector = np.mean(vectors, axis=0)
    return _unit(mean) if similarity == "cosine" else mean


def _best(query: Vector, vectors: Sequence[Vector], of_image: Sequence[bool], similarity: str) -> float | None:
    """The similarity of a passage's best image, averaged with its text where that was read; None for neither."""
    pictures = [vector for vector, shown in zip(vectors, of_image, strict=True) if shown]
    texts = [vector for vector, shown in zip(vectors, of_image, strict=True) if not shown]
    if not pictures:
        pictures, texts = texts, []
    # Summed by numpy, because a matrix product may round equal passages differently.
    scores = []
    for picture in pictures:
        vector = np.mean([picture, *texts], axis=0)
        scores.append(float(((_unit(vector) if similarity == "cosine" else vector) * query).sum()))
    return max(scores, default=None)


def _coverage(coverages: Sequence[Sequence[float | None]]) -> tuple[float | None, list[float | None]]:
    first = coverages[0][0] if coverages[0] else None
    return first, [covered for own in coverages[1:] for covered in own]


def _mixed_warning(kinds: Sequence[Sequence[bool]]) -> list[str]:
    """Vectors of texts and of images lie apart in these models' spaces."""
    shown = sum(any(own) for own in kinds)
    written = sum(bool(own) and not any(own) for own in kinds)
    if not shown or not written:
        return []
    return [
        f"{shown} passages were compared by their images and {written} by their text, and such similarities are not "
        "on one scale: rerank the two kinds apart and fuse them by rank."
    ]


def _unit(vector: Any) -> Vector:
    norm = float(np.linalg.norm(vector))
    found: Vector = vector / norm if norm > 0 else vector
    return found
