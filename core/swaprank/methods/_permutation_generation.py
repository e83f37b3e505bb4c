"""Permutation generation, as RankGPT calls it: a window of passages is shown and the model writes their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ..method import GroupScores, Method, Steps, generate
from ..prompt import Prompt
from ..replies.parts import after_thinking, thinking
from ..replies.permutation import Permutation, Reader, longest
from ..replies.quotes import ranked_quotes
from ..requests import Capability, Generate
from ..scores.ranks import rank_scores
from ..types import Passage, Query, ScoreKind

# Tokens for the thinking of models that are asked to think, as in rank_llm.
THINKING = 10_000
# Tokens for a quote.
_QUOTE = 80

# What a prompt that asks for quotes ends with, in place of the words that forbid all but the ranking. Agarwal et al.,
# LitLLMs, LLMs for Literature Review (2024), arXiv 2412.15249, have each passage quoted and check the quotes; the
# wording is ours.
QUOTED_RANKING = (
    "List all {num} passages above in descending order of relevance to the search query, the most relevant first. "
    "Write one line for each: its identifier in brackets, then, in quotation marks, the words of that passage which "
    "decide its place, copied exactly, at most 25 of them. Write none where nothing in it is relevant. "
    'For example:\n[2] "words copied from passage 2"\n[1] none\nWrite nothing else.'
)


class PermutationGeneration(Method):
    """The base of methods whose model writes a ranking; scores are 1/rank within the window.

    Attributes:
        max_tokens: Most tokens of a reply; None for as many as the ranking can take at most (or what the
            official code allows, for methods that reason first).
        temperature: 0 decodes greedily; above it, replies are drawn at random.
        official_parser: Read replies exactly as the official code does, even where it reads numbers of the reasoning
            as the ranking. Off, reasoning is dropped first.
    """

    family: ClassVar[Literal["listwise"]] = "listwise"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TEXT})
    strategy: ClassVar[str] = "sliding-window"
    reader: ClassVar[Reader] = Reader()
    official_reader: ClassVar[Reader] = Reader(reasoning="read")

    max_tokens: int | None = Field(default=None, ge=1)
    temperature: float = Field(default=0, ge=0)
    official_parser: bool = False

    def prompt(self, query: Query, passages: Sequence[Passage]) -> Prompt:
        """What is asked about a window."""
        raise NotImplementedError

    def room(self, n: int) -> int:
        """Tokens that any ranking of ``n`` passages fits in, with its quotes and what was thought before it."""
        return longest(n) + (_QUOTE * n if self.quotes else 0) + (THINKING if self.thinks else 0)

    @property
    def quotes(self) -> bool:
        """Whether the prompt asks for a quote of each passage, as `QUOTED_RANKING` does."""
        return False

    @property
    def thinks(self) -> bool:
        """Whether the model was asked to think before it writes."""
        return False

    def most_read(self, written: int) -> int | None:
        """Most tokens of a prompt whose reply may have ``written`` tokens; None for what the model takes."""
        return None

    def read(self, text: str, n: int) -> Permutation:
        """The order of ``n`` passages that a reply gives."""
        return (self.official_reader if self.official_parser else self.reader).read(text, n)

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Ranks."""
        return frozenset({ScoreKind.RANK})

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One request per window; a window of one needs none."""
        n = len(passages)
        if n == 1:
            return GroupScores(scores=[1.0], kind=ScoreKind.RANK)
        most = self.max_tokens or self.room(n)
        prompt, limit = self.prompt(query, passages), self.most_read(most)
        request = Generate(prompt, most, temperature=self.temperature, max_length=limit)
        [reply] = yield from generate([request])
        quotes: list[str | None] = []
        if self.quotes:
            quotes, ranking = ranked_quotes(after_thinking(reply.text), [passage.content for passage in passages])
            found = self.read(ranking, n)
        else:
            found = self.read(reply.text, n)
        reasoning = thinking(reply.text)
        return GroupScores(
            scores=rank_scores(found.order),
            kind=ScoreKind.RANK,
            repairs=found.repairs,
            reasoning=[reasoning] * n if reasoning else (),
            quotes=quotes,
        )
