"""The prompt of rank_llm: one turn of the user with a prefix, the numbered passages and a suffix.

castorini/rank_llm (Apache-2.0, https://github.com/castorini/rank_llm). What the parts say is up to the method
and to the config, because the templates changed between versions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from ..prompt import Chat, Message, Prompt, Slot, fill
from ..types import Passage, Query
from ._listwise import Listwise
from ._texts import fixed, unbracketed, words

SYSTEM = "You are RankLLM, an intelligent assistant that can rank passages based on their relevancy to the query."
PREFIX = (
    "I will provide you with {num} passages, each indicated by a numerical identifier []. "
    "Rank the passages based on their relevance to the search query: {query}.\n\n"
)
BODY = "[{rank}] {candidate}\n"
SUFFIX = (
    "Search Query: {query}.\nRank the {num} passages above based on their relevance to the search query. "
    "All the passages should be included and listed using identifiers, in descending order of relevance. "
    "The output format should be [] > [], e.g., [2] > [1], Only respond with the ranking results, do not say any word "
    "or explain."
)


class RankLLM(Listwise):
    """The parts of the prompt, all of which a config may replace.

    Attributes:
        system_message: What the model is told it is.
        prefix: Before the passages; ``{num}`` and ``{query}`` are filled in.
        body: One passage; ``{rank}`` is its identifier, ``{candidate}`` its text.
        suffix: After the passages; as `prefix`.
        max_words: Most words of a passage.
        context_size: Most tokens of prompt and reply together; None for what the model takes.
        conversation: ``"chat"`` for the model's own chat template; ``"vicuna"`` for the words that Vicuna v1.1
            was tuned on, whose tokenizer has no template.
        thinking: The chat template's switch ``enable_thinking``; None leaves it to the template. True makes
            room for it in the reply.
    """

    system_message: str = SYSTEM
    prefix: str = PREFIX
    body: str = BODY
    suffix: str = SUFFIX
    max_words: int = Field(default=300, ge=1)
    context_size: int | None = Field(default=4096, ge=64)
    conversation: Literal["chat", "vicuna"] = "chat"
    thinking: bool | None = None

    @property
    def thinks(self) -> bool:
        """Whether the template's switch says so."""
        return bool(self.thinking)

    def prompt(self, query: Query, passages: Sequence[Passage]) -> Prompt:
        """The prompt about a window."""
        known: dict[str, Slot | str] = {"num": str(len(passages)), "query": self.shown_query(query)}
        listed = [
            part
            for number, passage in enumerate(passages)
            for part in fill(
                self.body,
                {
                    "rank": self.identifier(number),
                    "candidate": self.shown_passage(passage),
                    "score": f"{passage.score or 0.0:.3f}",
                },
            )
        ]
        content = (*fill(self.prefix, known), *listed, *fill(self.suffix, known))
        if self.conversation == "vicuna":
            return (f"{self.system_message} USER: ", *content, " ASSISTANT:")
        messages = (Message("system", self.system_message), Message("user", content))
        return Chat(messages, thinking=self.thinking)

    def most_read(self, written: int) -> int | None:
        """What the reply leaves of the context; at least half of it."""
        return None if self.context_size is None else max(self.context_size - written, self.context_size // 2)

    def identifier(self, place: int) -> str:
        """What a passage is called in the prompt."""
        return str(place + 1)

    def shown_query(self, query: Query) -> Slot:
        """The query as it is shown: the official code mends the whole prompt, and so the query."""
        return Slot(fixed(query.text, entities=False))

    def shown_passage(self, passage: Passage) -> Slot:
        """The passage as it is shown: identifiers in it cannot pose as the prompt's."""
        return Slot(unbracketed(fixed(words(passage.content, self.max_words), entities=False)), shrinks=True)
