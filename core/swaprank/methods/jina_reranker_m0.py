"""jina-reranker-m0: a head on Qwen2-VL scores documents and queries of text or images.

Protocol of `modeling.py` of https://huggingface.co/jinaai/jina-reranker-m0, class JinaVLForRanking. Weights and code
are CC-BY-NC-4.0: no commercial use without a licence of Jina AI. The official code takes one modality a side; here a
passage of both is shown by its images unless `text` says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ..images import Image
from ..method import Method, Steps, pair_scores
from ..prompt import Text
from ..requests import Capability, PromptScore
from ..types import Passage, Query, ScoreKind
from ._activated import activated, kinds
from ._image_prompts import Parts, placed, readable, side

_PROMPT = "**Document**:\n{passage}\n**Query**:\n{query}"
# The token whose state the head reads, and what is taken off its score before the sigmoid.
_END = 100
_BIAS = 2.65
_MIN_PIXELS = 3136


class JinaRerankerM0(Method):
    """Score = sigmoid of the head's value less 2.65, as published.

    Attributes:
        text: Whether the text of a passage with images is ``"left out"`` or put ``"behind"`` them, which is ours.
        max_pixels: Images of more pixels are shrunk.
        max_length: Most tokens of the prompt; a passage's text is cut, never an image.
        query_max_length: Most tokens of a query's text.
        activation: ``"sigmoid"`` as published, or ``"identity"`` for the head's value less 2.65.
    """

    name: ClassVar[str] = "jina-reranker-m0"
    family: ClassVar[Literal["pointwise"]] = "pointwise"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.PROMPT_SCORE})
    source: ClassVar[str] = "https://huggingface.co/jinaai/jina-reranker-m0 (CC-BY-NC-4.0)"

    text: Literal["left out", "behind"] = "left out"
    max_pixels: int = Field(default=602_112, ge=3136)
    max_length: int = Field(default=10_240, ge=64)
    query_max_length: int = Field(default=512, ge=1)
    activation: Literal["sigmoid", "identity"] = "sigmoid"

    @property
    def reads_images(self) -> bool:
        """Always."""
        return True

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Probabilities after a sigmoid, else logits."""
        return kinds(self.activation)

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One forward pass per passage; one with nothing that can be read ranks last."""
        query, seen, problems = readable(query, passages)
        asked = [place for place, passage in enumerate(seen) if not passage.is_empty or not passages[place].images]
        responses = yield from pair_scores(
            [PromptScore(self._prompt(query, seen[place]), _END, self.max_length) for place in asked]
        )
        found = {place: response.logit - _BIAS for place, response in zip(asked, responses, strict=True)}
        floor = min(found.values(), default=0.0) - 1.0
        logits = [found.get(place, floor) for place in range(len(passages))]
        return activated(logits, self.activation, warnings=problems)

    def _prompt(self, query: Query, passage: Passage) -> Text:
        own = "" if passage.images and self.text == "left out" else passage.content
        asked = "" if query.images else query.text
        passage_parts, query_parts = self._side(own, passage.images), self._side(asked, query.images, False)
        return placed(_PROMPT, {"passage": passage_parts, "query": query_parts})

    def _side(self, text: str, images: Sequence[Image], passage: bool = True) -> Parts:
        most = None if passage else self.query_max_length
        return side(text, images, min_pixels=_MIN_PIXELS, max_pixels=self.max_pixels, shrinks=passage, max_tokens=most)


METHOD = JinaRerankerM0
