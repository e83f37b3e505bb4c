"""INQUIRE's scorer: does this picture show what the query names, yes or no?

Vendrow et al., INQUIRE: A Natural World Text-to-Image Retrieval Benchmark (2024), arXiv 2411.02537. Prompts of
https://github.com/inquire-benchmark/INQUIRE 7e04857, `src/lmm_utils.py` (MIT).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ..method import Method, Steps
from ..prompt import Chat, Slot, Text, user
from ..requests import Capability
from ..types import Passage, Query, ScoreKind
from ._activated import kinds
from ._image_prompts import Parts, placed, side
from ._image_yes_no import yes_no_steps

# The official prompts for LLaVA 1.5, and for GPT-4 and other chat models.
_LLAVA = (
    'USER: {image}\nDoes this picture show {query}?Answer the question with either "Yes" or "No" and nothing else.\n'
    "ASSISTANT:"
)
_CHAT = (
    'Does this picture show exactly "{query}"?\nAnswer the question with either "Yes" or "No" and nothing else.{image}'
)


class InquireRerank(Method):
    """Score = probability of Yes among Yes and No as the first token of the answer.

    Attributes:
        prompt: ``"chat"`` for any chat model that reads images, or ``"llava-1.5"``.
        temperature: What the difference of the logits is divided by. The official code reads probabilities that were
            sampled at 0.5; the order is the same.
        max_pixels: Images of more pixels are shrunk; None for what the model's files say.
        activation: ``"sigmoid"`` for the probability, ``"identity"`` for the difference of the logits.
    """

    name: ClassVar[str] = "inquire-rerank"
    family: ClassVar[Literal["pointwise"]] = "pointwise"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.LABEL_LOGPROBS})
    source: ClassVar[str] = "https://github.com/inquire-benchmark/INQUIRE 7e04857 (MIT)"

    prompt: Literal["chat", "llava-1.5"] = "chat"
    temperature: float = Field(default=1.0, gt=0)
    max_pixels: int | None = Field(default=None, ge=784)
    activation: Literal["sigmoid", "identity"] = "sigmoid"

    @property
    def reads_images(self) -> bool:
        """Always; a passage without an image is judged by its text in the image's place."""
        return True

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Probabilities after a sigmoid, else logits."""
        return kinds(self.activation)

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One forward pass per passage."""
        return yes_no_steps(
            query,
            passages,
            self._prompt,
            ("Yes", "No"),
            single=False,
            max_length=None,
            activation=self.activation,
            temperature=self.temperature,
        )

    def _prompt(self, query: Query, passage: Passage) -> Text | Chat:
        text = "" if passage.images else passage.content
        shown = side(text, passage.images, min_pixels=None, max_pixels=self.max_pixels, shrinks=True)
        values: dict[str, Parts] = {"query": [Slot(query.text)], "image": shown}
        if self.prompt == "llava-1.5":
            return placed(_LLAVA, values)
        return user(*placed(_CHAT, values))


METHOD = InquireRerank
