"""MM-R5: a vision-language model that reasons about page images, then writes their order.

Xu et al., MM-R5: MultiModal Reasoning-Enhanced ReRanker via Reinforcement Learning for Document Retrieval (2025),
arXiv 2506.12364. Prompt of https://github.com/i2vec/MM-R5 0806019, `examples/reranker.py` (MIT).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from ..method import GroupScores, Steps
from ..prompt import Chat, ImageSlot, Message, Slot
from ..replies.permutation import Permutation
from ..types import Passage, Query
from ._image_prompts import placed, readable, side
from ._permutation_generation import PermutationGeneration

_SYSTEM = (
    "A conversation between User and Assistant. The user asks a question, and the Assistant solves it. The assistant "
    "first thinks about the reasoning process in the mind and then provides the user with the answer. The reasoning "
    "process and answer are enclosed within <think> </think> and <answer> </answer> tags, respectively, i.e., <think> "
    "reasoning process here </think><answer> answer here </answer>"
)
_QUESTION = (
    "Please rank the following images according to their relevance to the question. Provide your response in the "
    "format: <think>your reasoning process here</think><answer>[image_id_1, image_id_2, ...]</answer> where the "
    "numbers in the list represent the ranking order of images'id from most to least relevant. Before outputting the "
    "answer, you need to analyze each image and provide your analysis process.For example: <think>Image 1 shows the "
    "most relevant content because...</think><answer>[id_most_relevant, id_second_relevant, ...]</answer>\n"
    "The question is: {query}\n\nThere are {n} images, id from 1 to {n}, Image ID to image mapping:\n"
)
_MIN_PIXELS = 3136


class MmR5(PermutationGeneration):
    """Listwise reasoning over page images; a passage without an image is shown by its text.

    Attributes:
        max_pixels: Images of more pixels are shrunk. The official code reads up to 12,845,056, which makes 4,950 tokens
            of a page at 200 dpi; training saw prompts of up to 32,768 tokens.
        max_tokens: Most tokens of a reply, thinking included. Officially 8,192.
    """

    name: ClassVar[str] = "mm-r5"
    source: ClassVar[str] = "https://github.com/i2vec/MM-R5 0806019 (MIT)"

    max_pixels: int = Field(default=1_003_520, ge=3136)
    max_tokens: int | None = Field(default=8192, ge=1)

    @property
    def reads_images(self) -> bool:
        """Always."""
        return True

    def prompt(self, query: Query, passages: Sequence[Passage]) -> Chat:
        """The system message, and the question with the images behind it."""
        asked = placed(_QUESTION, {"query": [Slot(query.text)], "n": [str(len(passages))]})
        parts: list[str | Slot | ImageSlot] = list(asked)
        for number, passage in enumerate(passages, 1):
            parts.append(f"\nImage {number}: ")
            text = "" if passage.images else passage.content
            parts += side(text, passage.images, min_pixels=_MIN_PIXELS, max_pixels=self.max_pixels, shrinks=True)
        return Chat((Message("system", _SYSTEM), Message("user", tuple(parts))))

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One request per window; images that cannot be read are left out of it."""
        query, seen, problems = readable(query, passages)
        found: GroupScores = yield from super().steps(query, seen)
        return replace(found, warnings=problems)

    def read(self, text: str, n: int) -> Permutation:
        """The numbers in the last pair of answer tags.

        Officially a list of nothing but numbers in the first pair, on one line with its tags. An image that it names
        twice is returned twice by the official code, and once here.
        """
        if self.official_parser:
            return self.reader.read(_official(text, n), n)
        before, closed, _ = text.rpartition("</answer>")
        _, opened, answer = before.rpartition("<answer>")
        return self.reader.read(answer if opened and closed else "", n)


def _official(text: str, n: int) -> str:
    """The numbers that the official code reads, as text; empty where it reads none."""
    for line in text.split("\n"):
        _, opened, rest = line.partition("<answer>[")
        inner, closed, _ = rest.partition("]</answer>")
        if opened and closed:
            try:
                numbers = [int(item) for item in inner.split(",") if item.strip()]
            except ValueError:
                return ""
            return ", ".join(str(number) for number in numbers if 1 <= number <= n)
    return ""


METHOD = MmR5
