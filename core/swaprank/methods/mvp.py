"""MVP: each passage read in several views, compared with anchors that are made of all passages in one decoder step.

Multi-view-guided passage reranking (https://arxiv.org/abs/2509.07485). The scoring is that of the authors' model
class. The text format was reconstructed from equation 1 of the paper and from a reproduction
(https://github.com/PirateEra/MVP, which spells the view tokens ``<extra_id_0>`` ... as the published weights do).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from ..method import GroupScores, Method, Steps, views
from ..prompt import Slot, Text, fill
from ..requests import Capability, Views
from ..types import Passage, Query, ScoreKind


class MVP(Method):
    """Mean over the views of the dot product of a passage's view with that view's anchor; one pass over the whole list.

    Attributes:
        view_tokens: The tokens that a prompt begins with; the encoder's output at them is the passage's views.
        template: What follows them, with ``{query}`` and then ``{passage}``, which must end it.
        views: How many of the view tokens are used.
        max_length: Most tokens of a prompt; the passage is cut.
        query_max_length: Most tokens of the query; None for half of `max_length`.
    """

    name: ClassVar[str] = "mvp"
    family: ClassVar[Literal["listwise"]] = "listwise"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.VIEWS})
    source: ClassVar[str] = "arXiv 2509.07485; text format reconstructed"

    view_tokens: tuple[str, ...] = ("<v1>", "<v2>", "<v3>", "<v4>")
    template: str = " | Query: {query} | Context: {passage}"
    views: int | None = Field(default=None, ge=1)
    max_length: int = Field(default=256, ge=24)
    query_max_length: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if "{query}" not in self.template or not self.template.endswith("{passage}"):
            raise ValueError(f"template must hold {{query}} and end in {{passage}}, and is {self.template!r}")
        if self.views is not None and self.views > len(self.view_tokens):
            raise ValueError(f"views is {self.views}, and there are {len(self.view_tokens)} view_tokens")
        return self

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Similarities of views."""
        return frozenset({ScoreKind.OTHER})

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One encoder pass per passage and one decoder step per view."""
        tokens = self.view_tokens[: self.views]
        prompts = tuple(self._prompt(query, passage, "".join(tokens)) for passage in passages)
        [viewed] = yield from views([Views(prompts, len(tokens), self.max_length)])
        scores = np.einsum("pvd,vd->p", viewed.views, viewed.anchors, dtype=np.float64) / len(tokens)
        return GroupScores(scores=[float(score) for score in scores], kind=ScoreKind.OTHER)

    def _prompt(self, query: Query, passage: Passage, views: str) -> Text:
        share = self.query_max_length or self.max_length // 2
        slots = {"query": Slot(query.text, max_tokens=share), "passage": Slot(passage.content)}
        return fill(views + self.template, slots)


METHOD = MVP
