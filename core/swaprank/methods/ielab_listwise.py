"""ielab's listwise baseline: RankGPT's windows with open models, or a window ranked by its labels' likelihood.

Described in Zhuang et al., A Setwise Approach for Effective and Highly Efficient Zero-shot Ranking with Large Language
Models (2023). Prompts of ielab/llm-rankers, `llmrankers/listwise.py` (Apache-2.0,
https://github.com/ielab/llm-rankers). Likelihood takes one forward pass per window, but asks for the best label only:
the order of the others is a by-product. The official runner cuts a passage to its 128 tokens before it collapses white
space; here it is the other way round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from ..method import GroupScores, Steps, generate
from ..prompt import Prompt, Slot, fill
from ..replies.permutation import Reader, longest
from ..requests import Generate
from ..scores.ranks import rank_scores
from ..types import Passage, Query, ScoreKind
from ._passage_labels import LabelChoice, letters, logprobs
from ._passage_text import first_words, without_empty_title
from ._rankgpt_conversation import turn_by_turn
from .setwise import QUESTION, REQUEST

_T5_OPENING = (
    "This is RankGPT, an intelligent assistant that can rank passages based on their relevancy to the query.\n\n"
    "The following are {num} passages, each indicated by number identifier []. "
    "I can rank them based on their relevance to query: {query}\n\n"
)
# Nothing stands between the query and "I will": so it is in the official code.
_T5_CLOSING = (
    "The search query is: {query}I will rank the {num} passages above based on their relevance to the search query. "
    "The passages will be listed in descending order using identifiers, and the most relevant passages should be "
    "listed first, and the output format should be [] > [] > etc, e.g., [1] > [2] > etc.\n\n"
    "The ranking results of the {num} passages (only identifiers) is:"
)
_READER = Reader()
_OFFICIAL = Reader(reasoning="read")


class IelabListwise(LabelChoice):
    """The listwise baseline of llm-rankers.

    Attributes:
        max_words: Most words of a passage where a ranking is written.
        official_parser: Take numbers in the reasoning for the ranking too, as the official code does.
    """

    name: ClassVar[str] = "ielab-listwise"
    family: ClassVar[Literal["listwise"]] = "listwise"
    strategy: ClassVar[str] = "sliding-window"
    strategy_options: ClassVar[Mapping[str, Mapping[str, Any]]] = {"sliding-window": {"window_size": 3, "step": 1}}
    source: ClassVar[str] = "ielab/llm-rankers (Apache-2.0), https://github.com/ielab/llm-rankers"

    query_length: int | None = Field(default=32, ge=1)
    passage_length: int | None = Field(default=128, ge=1)
    max_words: int = Field(default=300, ge=1)
    official_parser: bool = False

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Log-probabilities of the labels, or ranks where one is written."""
        return frozenset({ScoreKind.RANK if self.scoring == "generation" else ScoreKind.LOGIT})

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One prompt per window; a window of one needs none."""
        n = len(passages)
        if n == 1:
            return GroupScores(scores=[1.0], kind=ScoreKind.RANK)
        query_slot = self.query_slot(query)
        if self.scoring == "likelihood":
            names = letters(n, self.name)
            content = (*fill(QUESTION, {"query": query_slot}), *self.listed(passages, names), REQUEST)
            responses = yield self.requests(content, names)
            return GroupScores(scores=logprobs(responses), kind=ScoreKind.LOGIT)
        [reply] = yield from generate([Generate(self._prompt(query_slot, passages), longest(n))])
        found = (_OFFICIAL if self.official_parser else _READER).read(reply.text, n)
        return GroupScores(scores=rank_scores(found.order), kind=ScoreKind.RANK, repairs=found.repairs)

    def _prompt(self, query: Slot, passages: Sequence[Passage]) -> Prompt:
        slots = [
            self.passage_slot(first_words(without_empty_title(passage.content), self.max_words)) for passage in passages
        ]
        if self.conversation == "chat":
            return turn_by_turn(query, slots)
        known: dict[str, str | Slot] = {"num": str(len(slots)), "query": query}
        listed = [part for number, slot in enumerate(slots, start=1) for part in (f"[{number}] ", slot, "\n\n")]
        return (*fill(_T5_OPENING, known), *listed, *fill(_T5_CLOSING, known))


METHOD = IelabListwise
