"""FIRST: the log-probabilities of the first identifier already rank the window; nothing is generated.

Reddy et al., FIRST: Faster Improved Listwise Reranking with Single Token Decoding (2024); Chen et al., An Early
FIRST Reproduction (2024). Prompt of gangiswag/llm-reranker (no licence) and castorini/rank_llm ``use_logits``
(Apache-2.0, https://github.com/castorini/rank_llm). The official code reads identifiers from the decoded text
of the most probable tokens and loses those that are not among them; here every identifier is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field

from ..method import GroupScores, Steps, label_scores
from ..prompt import Chat, Slot
from ..replies.permutation import Reader
from ..requests import Capability, LabelLogprobs
from ..types import Passage, Query, ScoreKind
from ._passage_labels import letters
from ._passage_text import unbracketed_letters
from ._rank_llm_prompt import CURRENT_PREFIX, CURRENT_SUFFIX, CURRENT_SYSTEM, PREFIX, SUFFIX, SYSTEM, RankLLM, Version

_VERSIONS = {
    "llm-reranker": Version(
        SYSTEM,
        PREFIX.replace("numerical", "alphabetical"),
        SUFFIX.replace("[2] > [1]", "[B] > [A]"),
        neutralised=unbracketed_letters,
        reader=Reader(identifiers="letter-runs", reasoning="read"),
    ),
    "rank_llm": Version(
        CURRENT_SYSTEM,
        CURRENT_PREFIX.replace("a numerical", "an alphabetical"),
        CURRENT_SUFFIX.replace("[2] > [1]", "[B] > [A]"),
        current=True,
        reader=Reader(identifiers="letter-runs", reasoning="closed"),
    ),
}


class First(RankLLM):
    """One forward pass per window: passages by the log-probability of their letter.

    Attributes:
        protocol: Whose words: ``"llm-reranker"``, the authors' code, which neutralises letters in passages (``[A]``
            becomes ``(A)``); or ``"rank_llm"``, the current code of castorini (1b3cabb), which neutralises numbers.
        decoding: ``"logits"``, or ``"generation"`` to write the whole order, as FIRST models also can.
    """

    name: ClassVar[str] = "first"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.LABEL_LOGPROBS})
    source: ClassVar[str] = "castorini/rank_llm use_logits (Apache-2.0), https://github.com/castorini/rank_llm"
    reader: ClassVar[Reader] = Reader(identifiers="letters")

    protocol: Literal["llm-reranker", "rank_llm"] = "llm-reranker"
    decoding: Literal["logits", "generation"] = "logits"
    context_size: int | None = Field(default=None, ge=64)

    @property
    def version(self) -> Version:
        """That of the protocol."""
        return _VERSIONS[self.protocol]

    @property
    def required(self) -> frozenset[Capability]:
        """Text when the order is written."""
        return frozenset({Capability.TEXT}) if self.decoding == "generation" else self.needs

    def prompt(self, query: Query, passages: Sequence[Passage]) -> Chat | tuple[str | Slot, ...]:
        """The prompt up to where the first identifier stands."""
        letters(len(passages), self.name)
        prompt = super().prompt(query, passages)
        if self.decoding == "generation":
            return prompt
        if isinstance(prompt, Chat):
            return replace(prompt, start="[", special=True)
        return (*prompt, " [")

    def identifier(self, place: int) -> str:
        """A letter."""
        return chr(ord("A") + place)

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Logits of the letters, or ranks where the order is written."""
        return frozenset({ScoreKind.RANK if self.decoding == "generation" else ScoreKind.LOGIT})

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One request per window; a window of one needs none."""
        if self.decoding == "generation" or len(passages) == 1:
            return (yield from super().steps(query, passages))
        labels = tuple(letters(len(passages), self.name))
        prompt = self.prompt(query, passages)
        request = LabelLogprobs(prompt, labels, spellings=True, max_length=self.context_size)
        [identifiers] = yield from label_scores([request])
        return GroupScores(scores=identifiers.logprobs, kind=ScoreKind.LOGIT)


METHOD = First
