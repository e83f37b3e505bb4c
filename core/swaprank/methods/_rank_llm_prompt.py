"""The prompt of rank_llm: one turn of the user with a prefix, the numbered passages and a suffix.

castorini/rank_llm (Apache-2.0, https://github.com/castorini/rank_llm). Its words and what it does to texts changed
between versions; a method says which versions it offers, and a config may replace every part of the words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from ..prompt import Chat, Message, Slot, fill
from ..replies.permutation import Permutation, Reader
from ..types import Passage, Query
from ._passage_text import first_words, mended, titled, unbracketed, without_empty_title
from ._permutation_generation import PermutationGeneration

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
# The templates of 1b3cabb (2025): no full stop, no blank line, another closing instruction.
CURRENT_SYSTEM = SYSTEM.removesuffix(".")
CURRENT_PREFIX = PREFIX.replace("\n\n", "\n")
CURRENT_SUFFIX = SUFFIX.replace("Only respond", "Answer concisely and directly and only respond")


_EVERY_NUMBER = Reader(reasoning="read")


@dataclass(frozen=True, slots=True)
class Version:
    """What one version of the official code says, and what it does to texts and replies.

    Attributes:
        system_message: How the model is introduced to itself.
        prefix: Before the passages, with ``{num}`` and ``{query}``.
        suffix: After the passages, likewise.
        body: One passage, with ``{rank}``, ``{candidate}`` and, if wanted, ``{score}``.
        neutralised: What the code makes of a passage, so that nothing in it poses as an identifier.
        current: Whether the code is that of 1b3cabb. It neutralises identifiers in the query too, mends passages
            before it cuts them, HTML entities included, and always sends the switch ``enable_thinking``. Older code
            drops the mark of an empty title.
        reader: How the code reads a reply.
        assistant: What ends the prompt under ``conversation: vicuna``.
    """

    system_message: str
    prefix: str
    suffix: str
    body: str = BODY
    neutralised: Callable[[str], str] = unbracketed
    current: bool = False
    reader: Reader = _EVERY_NUMBER
    assistant: str = " ASSISTANT:"


COPY_OF_2024 = Version(SYSTEM, PREFIX, SUFFIX)
"""gangiswag/llm-reranker's copy, which is rank_llm's code of January 2024 (c5a94df) with chat templates."""

CURRENT = Version(
    CURRENT_SYSTEM,
    CURRENT_PREFIX,
    CURRENT_SUFFIX,
    current=True,
    reader=Reader(odd_digits="normalize", reasoning="closed"),
)


class RankLLM(PermutationGeneration):
    """The parts of the prompt, all of which a config may replace.

    Attributes:
        system_message: How the model is introduced to itself; None for the version's words, as for the next three.
        prefix: Before the passages; ``{num}`` and ``{query}`` are filled in.
        body: One passage; ``{rank}`` is its identifier, ``{candidate}`` its text.
        suffix: After the passages; as `prefix`.
        max_words: Most words of a passage.
        query_max_length: Most tokens of the query, so that a long one leaves room for the passages; None for the whole
            query, as officially, which is an error where it fills the prompt.
        context_size: Most tokens of prompt and reply together; None for what the model takes.
        conversation: ``"chat"`` for the model's own chat template; ``"vicuna"`` for the words that Vicuna v1.1
            was tuned on, whose tokenizer has no template.
        thinking: The chat template's switch ``enable_thinking``. None leaves it to the template, or sends False
            where the official code does. True makes room for the thinking in the reply.
    """

    system_message: str | None = None
    prefix: str | None = None
    body: str | None = None
    suffix: str | None = None
    max_words: int = Field(default=300, ge=1)
    query_max_length: int | None = Field(default=None, ge=1)
    context_size: int | None = Field(default=4096, ge=64)
    conversation: Literal["chat", "vicuna"] = "chat"
    thinking: bool | None = None

    @property
    def version(self) -> Version:
        """Which version of the official code is followed."""
        raise NotImplementedError

    @property
    def thinks(self) -> bool:
        """Whether the template's switch says so."""
        return bool(self.thinking)

    def prompt(self, query: Query, passages: Sequence[Passage]) -> Chat | tuple[str | Slot, ...]:
        """The prompt about a window."""
        version = self.version
        first_query, *texts, second_query = self._mended_together(query, passages)
        num = str(len(passages))
        prefix = version.prefix if self.prefix is None else self.prefix
        suffix = version.suffix if self.suffix is None else self.suffix
        system = version.system_message if self.system_message is None else self.system_message
        content = (
            *fill(prefix, {"num": num, "query": Slot(first_query, max_tokens=self.query_max_length)}),
            *self._listed(passages, texts),
            *fill(suffix, {"num": num, "query": Slot(second_query, max_tokens=self.query_max_length)}),
        )
        if self.conversation == "vicuna":
            return (f"{system} USER: ", *content, version.assistant)
        thinking = False if self.thinking is None and version.current else self.thinking
        return Chat((Message("system", system), Message("user", content)), thinking=thinking)

    def most_read(self, written: int) -> int | None:
        """What the reply leaves of the context; at least half of it."""
        return None if self.context_size is None else max(self.context_size - written, self.context_size // 2)

    def identifier(self, place: int) -> str:
        """What a passage is called in the prompt."""
        return str(place + 1)

    def read(self, text: str, n: int) -> Permutation:
        """The order of ``n`` passages that a reply gives."""
        return (self.version.reader if self.official_parser else self.reader).read(text, n)

    def _listed(self, passages: Sequence[Passage], texts: Sequence[str]) -> list[str | Slot]:
        body = self.version.body if self.body is None else self.body
        parts: list[str | Slot] = []
        for place, (passage, text) in enumerate(zip(passages, texts, strict=True)):
            known: dict[str, str | Slot] = {
                "rank": self.identifier(place),
                "candidate": Slot(text, shrinks=True),
                "score": f"{passage.score or 0.0:.3f}",
            }
            parts += fill(body, known)
        return parts

    def _mended_together(self, query: Query, passages: Sequence[Passage]) -> list[str]:
        """The query, the passages and the query again, as they are when the official code has mended the whole prompt.

        HTML entities are replaced up to the first ``<``. Every chat template begins with one; Vicuna's does not.
        """
        query_text = unbracketed(query.text) if self.version.current else query.text
        entities = self.conversation == "vicuna"
        texts = []
        for text in (query_text, *map(self._shown, passages), query_text):
            texts.append(mended(text, entities=entities))
            entities = entities and "<" not in text
        return texts

    def _shown(self, passage: Passage) -> str:
        """A passage before the prompt is mended: identifiers in it cannot pose as the prompt's."""
        text = titled(passage)
        text = mended(text.strip()) if self.version.current else without_empty_title(text)
        return self.version.neutralised(first_words(text, self.max_words))
