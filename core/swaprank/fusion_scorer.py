"""Fusion: several scorers and the retrieval score over the same candidates, made one list."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from . import fusion
from .coverage import trust
from .flow import Flow, together
from .scorer import Scored
from .stage import Stage, given_order
from .strategy import descending
from .types import Passage, Query, Ranking, ScoreKind

Given = Literal["retrieval", "previous", "first-stage"]
Input = Given | Stage

# The names of what is already known about the candidates; any other input is a reranker.
INPUTS: tuple[Given, ...] = get_args(Given)


# Bounded, so that a weighted sum is always finite.
_Weight = Annotated[float, Field(ge=-1e9, le=1e9)]


class FusionOptions(BaseModel):
    """``{fusion: z-score, alpha: 0.2, with: bm25}`` or ``{fusion: rrf, of: [retrieval, bm25, ...]}``.

    Attributes:
        rule: ``fusion:`` in a config; see `fusion`. ``evidence`` is ``z-score`` with the weight of each
            encoder multiplied by how far its vocabulary covers the texts (`coverage.trust`), and that
            of a bare given order by how far it agrees with the other lists beyond chance
            (`fusion.order_trust`): an encoder that cannot read, or an order that means nothing, counts
            nothing.
        of: What is fused: ``retrieval`` (the candidates' own scores), ``previous`` (the scores of the
            stage before; the retrieval scores in a first stage), ``first-stage`` (the retrieval scores, or
            -ln(rank) of the given order where there are none), recipe names or configs.
        with_: ``with:`` in a config; short for ``of: [<with>, previous]``.
        alpha: Weight of the first of two inputs; the second gets 1 - alpha.
        weights: One weight per input; equal when neither `alpha` nor this is given.
        k: The constant of reciprocal rank fusion.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: Literal["z-score", "min-max", "rrf", "evidence"] = Field(alias="fusion")
    of: list[Any] | None = Field(default=None, min_length=1)
    with_: Any = Field(default=None, alias="with")
    alpha: float | None = Field(default=None, ge=0, le=1)
    weights: list[_Weight] | None = Field(default=None, min_length=1)
    k: float = Field(default=60, gt=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _consistent(self) -> FusionOptions:
        if (self.of is None) == (self.with_ is None):
            raise ValueError("give either 'of: [...]' or 'with: <reranker>'")
        if self.alpha is not None and (self.weights is not None or len(self.inputs) != 2):
            raise ValueError("alpha weighs exactly two inputs, without 'weights'")
        if self.weights is not None and len(self.weights) != len(self.inputs):
            raise ValueError(f"{len(self.weights)} weights for {len(self.inputs)} inputs")
        return self

    @property
    def inputs(self) -> list[Any]:
        """What is fused, in the order of the weights."""
        return self.of if self.of is not None else [self.with_, "previous"]

    @property
    def shares(self) -> list[float]:
        """One weight per input."""
        if self.alpha is not None:
            return [self.alpha, 1.0 - self.alpha]
        return self.weights or [1.0] * len(self.inputs)


@dataclass(frozen=True)
class Fusion:
    """Runs its inputs side by side and fuses their scores.

    An input that has no score for any candidate (retrieval scores that were never given) is left out.
    """

    options: FusionOptions
    inputs: tuple[Input, ...]

    @property
    def takes_instruction(self) -> bool:
        """Whether any input reads `Query.instruction`."""
        return any(isinstance(one, Stage) and one.scores.takes_instruction for one in self.inputs)

    def flow(self, query: Query, passages: Sequence[Passage], previous: Sequence[float] | None) -> Flow[Scored]:
        """Score the passages with every input and fuse."""
        stages = [one for one in self.inputs if isinstance(one, Stage)]
        rankings = iter((yield from together([stage.flow(query, passages, previous) for stage in stages])))
        retrieval = [passage.score for passage in passages]
        lists: list[tuple[float, fusion.Scores]] = []
        result = Scored(order=[], scores=[], kind=ScoreKind.FUSED)
        ordered = 0.0
        for weight, one in zip(self.options.shares, self.inputs, strict=True):
            if isinstance(one, Stage):
                ranking = next(rankings)
                _collect(result, ranking)
                scores: fusion.Scores = _kept_scores(ranking)
                if self.options.rule == "evidence":
                    weight *= trust(ranking.coverage)
            elif one == "first-stage" and not fusion.present(fusion.cleaned(retrieval)):
                ordered = weight
                continue
            else:
                scores = previous if one == "previous" and previous is not None else retrieval
            if fusion.present(fusion.cleaned(scores)):
                lists.append((weight, scores))
        if not lists:
            return given_order(passages)
        if ordered:
            order = [-math.log(rank) for rank in range(1, len(passages) + 1)]
            others = self._fused([scores for _, scores in lists], [weight for weight, _ in lists])
            share = fusion.order_trust(order, others) if self.options.rule == "evidence" else 1.0
            lists.append((ordered * share, order))
        result.scores = self._fused([scores for _, scores in lists], [weight for weight, _ in lists])
        result.order = descending(result.scores)
        return result

    def _fused(self, lists: list[fusion.Scores], weights: list[float]) -> list[float]:
        if self.options.rule == "rrf":
            return fusion.reciprocal_rank(lists, weights, self.options.k)
        return (fusion.min_max if self.options.rule == "min-max" else fusion.z_score)(lists, weights)


def _kept_scores(ranking: Ranking) -> list[float | None]:
    kept = set(ranking.order)
    return [score if index in kept else None for index, score in enumerate(ranking.scores)]


def _collect(result: Scored, ranking: Ranking) -> None:
    result.repairs += ranking.repairs
    result.calls += ranking.calls
    result.failures += ranking.failures
    result.reasoning |= {ranked.index: ranked.reasoning for ranked in ranking.passages if ranked.reasoning}
