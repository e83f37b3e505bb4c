"""The options of a fusion: what is fused, by which rule, with which weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ...scores import fusion_rules
from ...scores.score_list import ScoreList

Given = Literal["retrieval", "previous", "first-stage"]
Rules = Literal[
    "z-score", "min-max", "dbsf", "rrf", "combsum", "combmnz", "combmax",
    "borda", "kemeny", "erank", "rank-r1", "diver", "judgerank", "vic", "evidence",
]  # fmt: skip
Norms = Literal["none", "z-score", "min-max", "dbsf", "max", "sum", "rank", "borda", "log-rank", "rrf"]

# The names of what is already known about the candidates; any other input is a reranker.
INPUTS: tuple[Given, ...] = get_args(Given)

# Bounded, so that a weighted sum is always finite.
_Weight = Annotated[float, Field(ge=-1e9, le=1e9)]


class FusionOptions(BaseModel):
    """``{fusion: z-score, alpha: 0.2, with: bm25}`` or ``{fusion: rrf, of: [retrieval, bm25, ...]}``.

    Attributes:
        rule: ``fusion:`` in a config. Rules: ``z-score``, ``min-max``, ``dbsf``, ``rrf``, ``combsum``, ``combmnz``,
            ``combmax``; ``borda`` and ``kemeny``, which read each list's order alone; a paper's rule with its
            weights: ``erank``, ``rank-r1``, ``diver``, ``judgerank``, ``vic`` (see `fusion_rules.RULES`). ``evidence``
            is ``z-score`` with the weight of each encoder multiplied by how far its vocabulary covers the texts
            (`trust.coverage_trust`), and that of a bare given order by how far it agrees with the other lists, also
            those beside a fusion that is itself an input, and with itself beyond chance (`trust.order_trust`): an
            encoder that cannot read, or an order that means nothing, counts nothing. ``first-stage`` counts more where
            the query's words do not explain its scores and encoders bear them out (`trust.emphasis`).
        of: What is fused: ``retrieval`` (the candidates' own scores), ``previous`` (the scores of the
            stage before; the retrieval scores in a first stage), ``first-stage`` (the retrieval scores, or
            -ln(rank) of the given order where there are none), recipe names or configs.
        with_: ``with:`` in a config; short for ``of: [<with>, previous]``.
        alpha: Weight of the first of two inputs; the second gets 1 - alpha.
        weights: One weight per input; without it and `alpha` those of the rule's paper, or equal ones.
        k: The constant of reciprocal rank fusion.
        norm: What makes the lists of ``combsum``, ``combmnz`` and ``combmax`` comparable, a key of
            `scaling.SCALINGS`; None for ``min-max``.
        std: ``population`` or ``sample`` (qdrant's DBSF) standard deviation.
        missing: What a list adds for a candidate it does not hold: its ``lowest`` scaled score or ``nothing``; None
            for what the rule says.
        deduplicate: Keep only the best-scored copy of candidates with the same id.
        strict: Whether ``retrieval`` or ``previous`` without a score for any candidate is an error. Else that input is
            left out, and `Ranking.warnings` says so. Scores of some candidates are kept as they are either way.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: Rules = Field(alias="fusion")
    of: list[Any] | None = Field(default=None, min_length=1)
    with_: Any = Field(default=None, alias="with")
    alpha: float | None = Field(default=None, ge=0, le=1)
    weights: list[_Weight] | None = Field(default=None, min_length=1)
    k: float = Field(default=60, gt=0, allow_inf_nan=False)
    norm: Norms | None = None
    std: Literal["population", "sample"] = "population"
    missing: fusion_rules.Missing | None = None
    deduplicate: bool = False
    strict: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> FusionOptions:
        if (self.of is None) == (self.with_ is None):
            raise ValueError("give either 'of: [...]' or 'with: <reranker>'")
        if self.alpha is not None and (self.weights is not None or len(self.inputs) != 2):
            raise ValueError("alpha weighs exactly two inputs, without 'weights'")
        if self.weights is not None and len(self.weights) != len(self.inputs):
            raise ValueError(f"{len(self.weights)} weights for {len(self.inputs)} inputs")
        if self.missing is not None and self.rule in ("borda", "kemeny"):
            raise ValueError(f"{self.rule!r} puts what a list does not hold below all that it holds: leave missing out")
        if self.norm is not None and not self.rule.startswith("comb"):
            raise ValueError(f"norm is for combsum, combmnz and combmax; {self.rule!r} has its own")
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
        if self.weights is not None:
            return self.weights
        published = self.base.weights
        return list(published) if published and len(self.inputs) == 2 else [1.0] * len(self.inputs)

    @property
    def base(self) -> fusion_rules.Rule:
        """The rule as these options have it."""
        rule = fusion_rules.RULES["z-score" if self.rule == "evidence" else self.rule]
        return replace(rule, norm=self.norm or rule.norm, missing=self.missing or rule.missing)

    def fused(self, lists: Sequence[ScoreList], weights: Sequence[float]) -> list[float]:
        """One score per candidate."""
        return fusion_rules.fuse(self.base, lists, weights, k=self.k, sample=self.std == "sample")
