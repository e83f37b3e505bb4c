"""RankGPT: a chat model is handed the passages turn by turn and writes their order.

Sun et al., Is ChatGPT Good at Search? Investigating Large Language Models as Re-Ranking Agents (2023).
Prompt and parser of sunnweiwei/RankGPT, `rank_gpt.py` (Apache-2.0, https://github.com/sunnweiwei/RankGPT).
Passages are shown as they are: the official prompt does not neutralise identifiers in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from ..prompt import Chat, Slot
from ..types import Passage, Query
from ._passage_text import first_words, titled, without_empty_title
from ._permutation_generation import QUOTED_RANKING, PermutationGeneration
from ._rankgpt_conversation import CLOSING, turn_by_turn


class RankGPT(PermutationGeneration):
    """Listwise reranking by any chat model, zero-shot.

    Attributes:
        max_words: Most words of a passage.
        query_max_length: Most tokens of the query, so that a long one leaves room for the passages; None for the whole
            query, as officially, which is an error where it fills the prompt.
        thinking: The chat template's switch ``enable_thinking``; None leaves it to the template. True makes
            room for it in the reply.
        attribution: Have the model quote of each passage what decides its place (`RankedPassage.quote`); a quote that
            does not occur in its passage is dropped. Not part of the official prompt.
    """

    name: ClassVar[str] = "rankgpt"
    source: ClassVar[str] = "sunnweiwei/RankGPT (Apache-2.0), https://github.com/sunnweiwei/RankGPT"

    max_words: int = Field(default=300, ge=1)
    query_max_length: int | None = Field(default=None, ge=1)
    thinking: bool | None = None
    attribution: bool = False

    @property
    def quotes(self) -> bool:
        """Whether the config says so."""
        return self.attribution

    @property
    def thinks(self) -> bool:
        """Whether the template's switch says so."""
        return bool(self.thinking)

    def prompt(self, query: Query, passages: Sequence[Passage]) -> Chat:
        """The conversation about a window."""
        texts = [first_words(without_empty_title(titled(passage)), self.max_words) for passage in passages]
        slots = [Slot(text, shrinks=True) for text in texts]
        asked = Slot(query.text, max_tokens=self.query_max_length)
        closing = f"Search Query: {{query}}. \n{QUOTED_RANKING}" if self.attribution else CLOSING
        return turn_by_turn(asked, slots, closing=closing, thinking=self.thinking)


METHOD = RankGPT
