"""FIRST: the log-probabilities of the first identifier already rank the window; nothing is generated.

Reddy et al., FIRST: Faster Improved Listwise Reranking with Single Token Decoding (2024); Chen et al., An Early
FIRST Reproduction (2024). Prompt of gangiswag/llm-reranker (no licence) and castorini/rank_llm ``use_logits``
(Apache-2.0, https://github.com/castorini/rank_llm). The official code reads identifiers from the decoded text
of the most probable tokens and loses those that are not among them; here every identifier is read.
Passages are shown as they are: the official prompt neutralises numbers only, not letters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field

from ..method import GroupScores, Steps
from ..prompt import Chat, Prompt, Slot
from ..replies.permutation import Reader
from ..requests import Capability, LabelLogprobs, LabelScores
from ..types import Passage, Query, ScoreKind
from ._rank_llm import PREFIX, SUFFIX, RankLLM
from ._texts import fixed, letters, words


class First(RankLLM):
    """One forward pass per window: passages by the log-probability of their letter.

    Attributes:
        decoding: ``"logits"``, or ``"generation"`` to write the whole order, as FIRST models also can.
    """

    name: ClassVar[str] = "first"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.LABEL_LOGPROBS})
    source: ClassVar[str] = "castorini/rank_llm use_logits (Apache-2.0), https://github.com/castorini/rank_llm"
    reader: ClassVar[Reader] = Reader(identifiers="letters")
    official_reader: ClassVar[Reader] = Reader(identifiers="letters", reasoning="read")

    decoding: Literal["logits", "generation"] = "logits"
    context_size: int | None = Field(default=None, ge=64)
    prefix: str = PREFIX.replace("numerical", "alphabetical")
    suffix: str = SUFFIX.replace("[2] > [1]", "[B] > [A]")

    @property
    def required(self) -> frozenset[Capability]:
        """Text when the order is written."""
        return frozenset({Capability.TEXT}) if self.decoding == "generation" else self.needs

    def prompt(self, query: Query, passages: Sequence[Passage]) -> Prompt:
        """The prompt up to where the first identifier stands."""
        letters(len(passages), self.name)
        prompt = super().prompt(query, passages)
        if self.decoding == "generation":
            return prompt
        if isinstance(prompt, Chat):
            return replace(prompt, start="[", special=True)
        assert isinstance(prompt, tuple)
        return (*prompt, " [")

    def identifier(self, place: int) -> str:
        """A letter."""
        return chr(ord("A") + place)

    def shown_passage(self, passage: Passage) -> Slot:
        """The passage as it is shown."""
        return Slot(fixed(words(passage.content, self.max_words), entities=False), shrinks=True)

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One request per window; a window of one needs none."""
        if self.decoding == "generation" or len(passages) == 1:
            return (yield from super().steps(query, passages))
        labels = tuple(letters(len(passages), self.name))
        prompt = self.prompt(query, passages)
        [found] = yield [LabelLogprobs(prompt, labels, spellings=True, max_length=self.context_size)]
        assert isinstance(found, LabelScores)
        return GroupScores(scores=found.logprobs, kind=ScoreKind.LOGIT)


METHOD = First
