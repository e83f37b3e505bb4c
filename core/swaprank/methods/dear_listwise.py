"""DeAR-L: LLaMA-3.1-8B tuned on chain-of-thought rankings, the second stage after `dear-pointwise`.

Abdallah et al., DeAR: Dual-Stage Document Reranking with Reasoning Agents via LLM Distillation (2025). Two
published protocols, which disagree:

- ``card``: model card of abdoelsayed/dear-8b-reranker-listwise-v1 (MIT): one plain prompt, identifiers from 0.
- ``repository``: DataScienceUIBK/DeAR-Reranking, `listwise_rerank/` (MIT,
  https://github.com/DataScienceUIBK/DeAR-Reranking): a conversation, identifiers from 1.

The card's code cuts the end of a prompt that is too long, and with it the query; here the passages are cut.
Its parser returns a passage as often as it is named and loses others; here each comes once. Its 50 tokens
hold some eight identifiers; here there is room for all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ..prompt import Prompt, Slot, fill
from ..replies.permutation import Permutation, Reader
from ..types import Passage, Query
from ._passage_text import first_words, titled, without_empty_title
from ._permutation_generation import PermutationGeneration
from ._rankgpt_conversation import turn_by_turn

_CARD_OPENING = (
    "I will provide you with {n} passages, each indicated by a number identifier [].\n"
    "Rank the passages based on their relevance to the search query: {query}.\n\n"
)
_CARD_CLOSING = (
    "\nSearch Query: {query}.\nRank the passages above based on their relevance to the search query. "
    "Output the ranking as a list of numbers."
)
_CARD_TOKENS = 2048

_SYSTEM = "You are RankLLM, an assistant that ranks passages by relevance to the query."
_OPENING = (
    "I will provide you with {num} passages, each indicated by number identifier [].\n"
    "Rank the passages based on their relevance to query: {query}."
)
_CLOSING = (
    "Search Query: {query}.\nRank the {num} passages above based on their relevance to the search query. "
    "The passages should be listed in descending order using identifiers.\n"
    "Please follow the steps below:\n"
    "Step 1. List the information requirements to answer the query.\n"
    "Step 2. For each requirement, find the passages containing that information.\n"
    "Step 3. Rank passages that best cover clear and diverse information. Include all passages.\n"
    "Output format strictly: [2] > [1] > [3] ... Only output the ranking using identifiers; no explanations."
)
_REPOSITORY_WORDS = 300
_REPOSITORY_TOKENS = 1024

_CARD = Reader(first=0, brackets="only")
_OFFICIAL_CARD = Reader(first=0, brackets="only", reasoning="read")
_THINKING_ENDS = re.compile("</think>", re.IGNORECASE)


class DearListwise(PermutationGeneration):
    """DeAR's listwise stage, in either published protocol.

    Attributes:
        protocol: Whose prompt and parser: the model card's or the repository's.
        max_characters: Most characters of a passage under ``card``; None for all of them.
        max_words: Most words of a passage under ``repository``.
        max_length: Most tokens of the prompt; None for 2,048 under ``card`` and what the model takes under
            ``repository``.
    """

    name: ClassVar[str] = "dear-listwise"
    source: ClassVar[str] = "DeAR (MIT), https://github.com/DataScienceUIBK/DeAR-Reranking and the model card"

    protocol: Literal["card", "repository"] = "card"
    max_characters: int | None = Field(default=300, ge=1)
    max_words: int = Field(default=_REPOSITORY_WORDS, ge=1)
    max_length: int | None = Field(default=None, ge=16)

    def prompt(self, query: Query, passages: Sequence[Passage]) -> Prompt:
        """The prompt of the protocol."""
        if self.protocol == "repository":
            texts = [first_words(without_empty_title(titled(passage)), self.max_words) for passage in passages]
            slots = [Slot(text, shrinks=True) for text in texts]
            return turn_by_turn(Slot(query.text), slots, system=_SYSTEM, opening=_OPENING, closing=_CLOSING)
        known: dict[str, str | Slot] = {"n": str(len(passages)), "query": Slot(query.text)}
        listed = [
            part
            for number, passage in enumerate(passages)
            for part in (f"[{number}] ", Slot(passage.content[: self.max_characters], shrinks=True), "\n")
        ]
        return (*fill(_CARD_OPENING, known), *listed, *fill(_CARD_CLOSING, known))

    def room(self, n: int) -> int:
        """The repository's steps take more than the ranking."""
        return _REPOSITORY_TOKENS if self.protocol == "repository" else super().room(n)

    def most_read(self, written: int) -> int | None:
        """The card's limit, within which the passages are cut."""
        return self.max_length or (_CARD_TOKENS if self.protocol == "card" else None)

    def read(self, text: str, n: int) -> Permutation:
        """The card reads numbers in brackets only; the repository every number after the thinking.

        The repository's parser takes the first ``</think>``, in letters of any case, for the end of the thinking.
        """
        if self.protocol == "card":
            return (_OFFICIAL_CARD if self.official_parser else _CARD).read(text, n)
        if not self.official_parser:
            return self.reader.read(text, n)
        end = _THINKING_ENDS.search(text)
        return self.official_reader.read(text[end.end() :] if end else text, n)


METHOD = DearListwise
