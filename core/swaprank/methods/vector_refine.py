"""Vector refinement: candidates and query are blended with their nearest neighbours among the candidates.

SuperGlobal's reranking (Shao et al., Global Features are All You Need for Image Retrieval and Reranking, ICCV 2023,
arXiv 2308.06954; https://github.com/ShihaoShao-GH/SuperGlobal, MIT, `modules/reranking/MDescAug.py`). It was made for
landmark photos and reads nothing but vectors, so any stored embeddings will do, those of texts too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from ..errors import InputError
from ..method import GroupScores, Method, Steps, embeddings
from ..requests import Capability, Embed, EmbedImage
from ..scores.ranks import behind, descending
from ..types import Passage, Query, ScoreKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

# Below it, a sum of weights would blow a vector up instead of averaging; only opposite vectors come so low.
_LEAST_WEIGHT = 1e-3
# Equal vectors score equal: a matrix product may round them differently in the last digits.
_DIGITS = 12


class VectorRefine(Method):
    """Mean of two dot products: of the refined passage with the query, and with the refined query. No model runs.

    The vectors are those that query and passages bring along, all by one model. LlamaIndex's retrievers write them into
    queries and nodes; in LangChain `embedding_key` or `embeddings` of the adapter names them.

    Attributes:
        candidates: How many candidates are refined, those nearest to the query; the others follow in the order of
            their similarity to it.
        neighbours: How many nearest neighbours a candidate is blended with, and how many of the best candidates
            make the refined query, less one.
        beta: What a neighbour weighs, times its similarity; a candidate itself weighs 1.
        unit_vectors: Bring all vectors to length 1 first, as the method supposes.
        embed_missing: Have the backend's model embed what brings no vector; it must be the model of those that do.
            Else a missing vector is an error.
    """

    name: ClassVar[str] = "vector-refine"
    family: ClassVar[Literal["embedding"]] = "embedding"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.EMBEDDINGS})
    backend: ClassVar[str] = "embedded"
    takes_model: ClassVar[Literal["optional"]] = "optional"
    source: ClassVar[str] = "SuperGlobal 8694696 (MIT), https://github.com/ShihaoShao-GH/SuperGlobal"

    candidates: int = Field(default=400, ge=1)
    neighbours: int = Field(default=9, ge=1)
    beta: float = Field(default=0.15, ge=0, allow_inf_nan=False)
    unit_vectors: bool = True
    embed_missing: bool = False

    @property
    def reads_images(self) -> bool:
        """A vector stands for an image as for a text."""
        return True

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Means of dot products of blended vectors, which are not of unit length."""
        return frozenset({ScoreKind.DOT})

    @property
    def scores_depend_on_others(self) -> bool:
        """A passage is blended with the others of its list."""
        return True

    @property
    def scores_absolute(self) -> bool:
        """No: another list would blend it differently."""
        return False

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """Refine the vectors; those that are missing are asked for first."""
        given = [query.embedding, *(passage.embedding for passage in passages)]
        missing = [place for place, vector in enumerate(given) if vector is None]
        vectors: dict[int, Any] = {place: vector for place, vector in enumerate(given) if vector is not None}
        if missing and not self.embed_missing:
            raise _missing(missing, passages)
        requests: list[Embed | EmbedImage] = [Embed(query.text, "query")]
        if query.images:
            requests = [EmbedImage(query.images[0])]
        requests += [
            EmbedImage(passage.images[0]) if passage.images else Embed(passage.content, "passage")
            for passage in passages
        ]
        responses = yield from embeddings([requests[place] for place in missing])
        vectors.update((place, response.vector) for place, response in zip(missing, responses, strict=True))
        matrix = _matrix([vectors[place] for place in range(len(given))], passages)
        if self.unit_vectors:
            norms = np.linalg.norm(matrix, axis=1, keepdims=True)
            matrix = np.divide(matrix, norms, out=np.zeros_like(matrix), where=norms > 0)
        scores = refined_scores(
            matrix[0], matrix[1:], candidates=self.candidates, neighbours=self.neighbours, beta=self.beta
        )
        return GroupScores(scores=scores, kind=ScoreKind.DOT)


def refined_scores(query: Array, vectors: Array, *, candidates: int, neighbours: int, beta: float) -> list[float]:
    """Score vectors by SuperGlobal's rule; equal values keep the given order.

    Args:
        query: [dimensions].
        vectors: [passages, dimensions].
        candidates: As `VectorRefine.candidates`.
        neighbours: As `VectorRefine.neighbours`.
        beta: As `VectorRefine.beta`.

    Returns:
        One score per vector. Those beyond `candidates` rank behind the others, in the order of their dot products
        with the query.
    """
    similarities = np.round(vectors @ query, _DIGITS)
    order = descending(similarities.tolist())
    first, rest = order[:candidates], order[candidates:]
    refined = _blended(vectors[first], neighbours + 1, beta)
    to_query = np.round(refined @ query, _DIGITS)
    best = descending(to_query.tolist())[: neighbours + 1]
    to_refined_query = refined @ refined[best].max(axis=0)
    found = np.round((to_query + to_refined_query) / 2, _DIGITS)
    scores = behind(float(found.min()), rest) | dict(zip(first, found.tolist(), strict=True))
    return [scores[index] for index in range(len(vectors))]


def _blended(vectors: Array, nearest: int, beta: float) -> Array:
    """Each vector as the weighted mean of its nearest vectors, the first of which is itself: [vectors, dimensions]."""
    likeness = np.round(vectors @ vectors.T, _DIGITS)
    places = np.argsort(-likeness, axis=1, kind="stable")[:, :nearest]
    weights = beta * np.take_along_axis(likeness, places, axis=1)
    weights[:, 0] = 1.0
    totals = weights.sum(axis=1, keepdims=True)
    # A zero vector has no neighbours, and would take the first candidate for itself.
    usable = (np.abs(totals) >= _LEAST_WEIGHT) & vectors.any(axis=1, keepdims=True)
    blended = np.einsum("nk,nkd->nd", weights, vectors[places])
    refined: Array = np.where(usable, blended / np.where(usable, totals, 1.0), vectors)
    return refined


def _matrix(vectors: Sequence[Any], passages: Sequence[Passage]) -> Array:
    """All vectors, the query's first: [1 + passages, dimensions]."""
    sizes = [len(vector) for vector in vectors]
    names = ["the query", *(_name(place, passages) for place in range(1, len(vectors)))]
    odd = next((place for place, size in enumerate(sizes) if size != sizes[0]), None)
    if odd is not None:
        raise InputError(
            f"The embedding of {names[odd]} has {sizes[odd]} dimensions, that of the query {sizes[0]}.",
            hint="Take the embeddings of query and passages from one model.",
        )
    matrix = np.asarray(vectors, dtype=np.float64)
    finite = np.isfinite(matrix).all(axis=1)
    if not finite.all():
        raise InputError(
            f"The embedding of {names[int(np.argmin(finite))]} has numbers that are not finite.",
            hint="Give finite embeddings.",
        )
    return matrix


def _missing(places: Sequence[int], passages: Sequence[Passage]) -> InputError:
    """What says which embeddings are missing; place 0 is the query's."""
    named = [_name(place, passages) for place in places if place]
    parts = ["the query"] if places[0] == 0 else []
    if named:
        shown = ", ".join(named[:5]) + (", ..." if len(named) > 5 else "")
        parts.append(f"{len(named)} of {len(passages)} passages ({shown})")
    return InputError(
        f"vector-refine reads stored embeddings, and there is none of {' and of '.join(parts)}.",
        hint="Have the retriever hand its embeddings on, or set embed_missing: true with the retriever's model "
        "(model: and backend:).",
    )


def _name(place: int, passages: Sequence[Passage]) -> str:
    passage = passages[place - 1]
    return f"passage {place - 1}" if passage.id is None else f"passage {passage.id!r}"


METHOD = VectorRefine
