"""Rearank: a 7B reasoning agent that analyses each passage, then writes the order of a window.

Zhang et al., REARANK: Reasoning Re-ranking Agent via Reinforcement Learning (2025). Prompts and parser of
lezhang7/Rearank, `rank_gpt.py` (Apache-2.0, https://github.com/lezhang7/Rearank). Passages are shown as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ..prompt import Chat, Slot
from ..replies.parts import outside_thinking, tagged
from ..replies.permutation import Permutation
from ..types import Passage, Query
from ._passage_text import titled, without_empty_title
from ._permutation_generation import PermutationGeneration
from ._rankgpt_conversation import turn_by_turn

_SYSTEM = (
    "You are DeepRerank, an intelligent assistant that can rank passages based on their relevancy to the search query. "
    "You first thinks about the reasoning process in the mind and then provides the user with the answer."
)
_OPENING = (
    "I will provide you with passages, each indicated by number identifier []. "
    "Rank the passages based on their relevance to the search query."
    "Search Query: {query}. \nRank the {num} passages above based on their relevance to the search query."
    "The passages should be listed in descending order using identifiers. "
    "The most relevant passages should be listed first. "
    "The output format should be <answer> [] > [] </answer>, e.g., <answer> [1] > [2] </answer>."
)
# The inner lines are indented by 12 blanks in the official code, and so in what the model was tuned on.
_CLOSING = (
    'Please rank these passages according to their relevance to the search query: "{query}"\n'
    "            Follow these steps exactly:\n"
    "            1. First, within <think> tags, analyze EACH passage individually:\n"
    "            - Evaluate how well it addresses the query\n"
    "            - Note specific relevant information or keywords\n\n"
    "            2. Then, within <answer> tags, provide ONLY the final ranking in descending order of relevance "
    "using the format: [X] > [Y] > [Z]"
)
_CHARACTERS = {"rearank": 400, "no_thinking": 300}


class Rearank(PermutationGeneration):
    """Listwise reranking by a reasoning agent.

    Attributes:
        variant: ``"rearank"``, or ``"no_thinking"`` for RankGPT's prompt without receipts.
        max_characters: Most characters of a passage; None for 400, or 300 without thinking.
        max_tokens: Most tokens of a reply, thinking included. Officially 2,048.
    """

    name: ClassVar[str] = "rearank"
    source: ClassVar[str] = "lezhang7/Rearank (Apache-2.0), https://github.com/lezhang7/Rearank"

    variant: Literal["rearank", "no_thinking"] = "rearank"
    max_characters: int | None = Field(default=None, ge=1)
    max_tokens: int | None = Field(default=4096, ge=1)

    def prompt(self, query: Query, passages: Sequence[Passage]) -> Chat:
        """The conversation of the variant."""
        most = self.max_characters or _CHARACTERS[self.variant]
        texts = [" ".join(without_empty_title(titled(passage)).split()) for passage in passages]
        slots = [Slot(text[:most], shrinks=True) for text in texts]
        if self.variant == "no_thinking":
            return turn_by_turn(Slot(query.text), slots, receipts=False)
        return turn_by_turn(Slot(query.text), slots, system=_SYSTEM, opening=_OPENING, closing=_CLOSING)

    def read(self, text: str, n: int) -> Permutation:
        """What stands in the first pair of answer tags after the thinking.

        Officially it is the first pair of all, and what follows the last ``</think>`` of what was found if that
        holds a ``<think>``.
        """
        text = text if self.official_parser else outside_thinking(text)
        answer = tagged(text, "answer")
        answer = text if answer is None else answer
        if self.official_parser and "<think>" in answer:
            answer = answer.rpartition("</think>")[2]
        return super().read(answer, n)


METHOD = Rearank
