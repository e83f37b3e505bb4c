"""Diversify: an order in which passages that say the same do not crowd out the others.

``mmr`` is maximal marginal relevance (Carbonell & Goldstein, The Use of MMR, Diversity-Based Reranking for Reordering
Documents and Producing Summaries, SIGIR 1998). ``dissimilarity`` is the greedy diversity order of Haystack's
SentenceTransformersDiversityRanker (deepset-ai/haystack, Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..errors import InputError, ResponseError
from ..flow.flow import Flow, ask
from ..method import responses_of
from ..requests import Embedded
from ..scores.likeness import by_vectors, by_words
from ..scores.ranks import rank_scores
from ..scores.scaling import min_max
from ..types import Call, Passage, Query, ScoreKind
from .candidate_scores import CandidateScores
from .method_ranker import MethodRanker
from .scale import Scale
from .stage import given_order

if TYPE_CHECKING:
    from ..scores.likeness import Matrix

TOKENS, STORED = "tokens", "stored"


class DiversifyOptions(BaseModel):
    """``{diversify: mmr, lambda: 0.7, by: all-minilm-l6-v2, top_n: 10}``.

    Attributes:
        rule: ``diversify:`` in a config. ``mmr``: next comes the passage with the highest lambda times its relevance
            (the scores of the stage before, scaled to 0..1) less 1 - lambda times its likeness to the likest passage
            before it. ``dissimilarity``: the most relevant passage first, then always the one that is on average
            least like those before it, whatever its relevance.
        lambda_: ``lambda:`` in a config, of ``mmr``: 1 keeps the order of relevance, 0 looks at likeness alone; None
            for 0.7.
        by: What passages are compared by: ``tokens`` (tf-idf over the candidates), ``stored`` (their stored
            embeddings), or a reranker that embeds each passage alone: a recipe or config of ``bi-encoder`` or
            ``static-embedding``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: Literal["mmr", "dissimilarity"] = Field(alias="diversify")
    lambda_: float | None = Field(default=None, alias="lambda", ge=0, le=1)
    by: Any = TOKENS

    @model_validator(mode="after")
    def _consistent(self) -> DiversifyOptions:
        if self.lambda_ is not None and self.rule != "mmr":
            raise ValueError(f"lambda weighs relevance under mmr; {self.rule!r} does not read it")
        return self


@dataclass(frozen=True)
class Diversify:
    """Reorders what the stage before ranked; in a first stage, what the retriever did.

    Scores are 1/rank: an order that looks at several passages at once gives none of them a score of its own.

    Args:
        options: See there.
        by: What embeds passages; or `TOKENS` or `STORED`.
    """

    options: DiversifyOptions
    by: MethodRanker | str

    @property
    def takes_instruction(self) -> bool:
        """No: relevance is the stage before's."""
        return False

    @property
    def scale(self) -> Scale:
        """Ranks."""
        why = "a place in a diversified list depends on the places before it"
        return Scale(frozenset({ScoreKind.RANK}), absolute=False, why=why)

    def flow(
        self, query: Query, passages: Sequence[Passage], previous_scores: Sequence[float] | None
    ) -> Flow[CandidateScores]:
        """Order the passages greedily."""
        calls: list[Call] = []
        if isinstance(self.by, MethodRanker):
            likeness = by_vectors((yield from _embedded(self.by, passages, calls)))
        elif self.by == STORED:
            likeness = by_vectors(_stored(passages))
        else:
            likeness = by_words([passage.content for passage in passages])
        before = given_order(passages).scores if previous_scores is None else previous_scores
        relevance = np.array(min_max(before), dtype=np.float64)
        share = 0.7 if self.options.lambda_ is None else self.options.lambda_
        order = _RULES[self.options.rule](relevance, likeness, share)
        return CandidateScores(order, rank_scores(order), kind=ScoreKind.RANK, calls=calls)


def mmr(relevance: Any, likeness: Matrix, share: float) -> list[int]:
    """Indices by maximal marginal relevance; equal values keep the given order.

    Args:
        relevance: One per passage, 0 to 1.
        likeness: Of each pair, 0 to 1: [passages, passages].
        share: Weight of the relevance, 0 to 1.
    """
    likest = np.zeros(len(relevance))

    def value(chosen: int | None) -> Any:
        if chosen is not None:
            np.maximum(likest, likeness[chosen], out=likest)
        return share * relevance - (1 - share) * likest

    return _greedy(len(relevance), value)


def dissimilarity(relevance: Any, likeness: Matrix, share: float) -> list[int]:
    """The most relevant first, then what is on average least like those before; see `mmr` for the arguments."""
    total = np.zeros(len(relevance))

    def value(chosen: int | None) -> Any:
        if chosen is None:
            return relevance
        np.add(total, likeness[chosen], out=total)
        return -total

    return _greedy(len(relevance), value)


def _greedy(count: int, value: Callable[[int | None], Any]) -> list[int]:
    """Indices in the order in which they have the highest value among those that are left.

    Args:
        count: How many there are.
        value: All values [count], told which index was chosen last; None at first.
    """
    order: list[int] = []
    left = np.ones(count, dtype=bool)
    for _ in range(count):
        # Rounded, for passages with equal texts have likenesses that differ in the last digit.
        values = np.where(left, np.round(value(order[-1] if order else None), 12), -np.inf)
        order.append(int(np.argmax(values)))
        left[order[-1]] = False
    return order


_RULES = {"mmr": mmr, "dissimilarity": dissimilarity}


def _embedded(by: MethodRanker, passages: Sequence[Passage], calls: list[Call]) -> Flow[list[Any]]:
    requests = by.method.passage_embeddings(passages)
    answer = yield from ask(by.backend, requests)
    responses = responses_of(Embedded, answer.responses)
    tokens = sum(response.usage.input_tokens for response in responses)
    calls.append(Call(by.method.name, by.backend.name, by.backend.model, len(responses), tokens, 0, answer.seconds))
    vectors = [response.vector for response in responses]
    if len({len(vector) for vector in vectors}) > 1:
        raise ResponseError(f"The {by.backend.name} backend gave embeddings of different sizes.")
    return vectors


def _stored(passages: Sequence[Passage]) -> list[Sequence[float]]:
    """The passages' own embeddings; one that is missing for a blank passage is the zero vector."""
    vectors = [passage.embedding for passage in passages]
    missing = sum(vector is None and not passage.is_empty for vector, passage in zip(vectors, passages, strict=True))
    sizes = {len(vector) for vector in vectors if vector is not None}
    if missing:
        raise InputError(
            f"diversify with by: stored needs the passages' embeddings, and {missing} of {len(passages)} have none.",
            hint="Store them with the passages, or compare by: tokens, or by a model, such as all-minilm-l6-v2.",
        )
    if len(sizes) > 1:
        raise InputError(
            f"The passages' embeddings have different sizes: {sorted(sizes)}.", hint="Take them from one model."
        )
    zero = [0.0] * (min(sizes) if sizes else 1)
    known = [zero if vector is None else vector for vector in vectors]
    if not np.isfinite(np.asarray(known, dtype=np.float64)).all():
        raise InputError("A passage's embedding has numbers that are not finite.", hint="Give finite embeddings.")
    return known
