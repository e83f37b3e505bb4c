"""ERank: a reasoning model thinks about one pair and answers with an integer from 0 to 10.

Paper: https://arxiv.org/abs/2509.00520 (Figure 5 for the words of the prompt, Appendix D for the instructions). The
model repository's example code could not be read: line breaks of the template and the parser are ours, so the template
is an option. Weights: Alibaba-NLP/ERank-4B, -14B, -32B (Apache-2.0).
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ..method import GroupScores, Method, Steps, generate
from ..prompt import Slot, fill, user
from ..requests import Capability, Generate, Generated
from ..scores.relevance import Range, ScoreMap
from ..types import Passage, Query, ScoreKind

logger = logging.getLogger(__name__)

# Words of Figure 5 of the paper; part of what the weights were trained with.
TEMPLATE = """\
Given a query and a document, please give a relevance score of 0 to 10.
The goal or relevance definition is: {instruction}

Here is the query:
{query}

Here is the document:
{document}

After thinking, directly choose a relevance score from [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10].
- 0 represents completely not related.
- 10 means perfectly related.

Desired output format:
<think>put your thinking here</think><answer>Only allows an integer here</answer>

Your output:"""

_ANSWER = re.compile(r"<answer>\s*([0-9]{1,2})\s*</answer>")
_HIGHEST = 10


class ERank(Method):
    """Score = integer times the probability with which the model wrote it.

    An answer without an integer from 0 to 10 scores 0 and is counted as a repair. Without
    log-probabilities from the backend, the score is the bare integer.

    Attributes:
        instruction: What counts as relevant; a query's own instruction goes before it.
        template: The prompt, with ``{instruction}``, ``{query}`` and ``{document}``.
        truncate_length: Most tokens of the query and of the document, each on its own; None for no cut
            but the model's context.
        max_tokens: Most tokens to think and answer with.
    """

    name: ClassVar[str] = "erank"
    family: ClassVar[Literal["pointwise"]] = "pointwise"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TEXT})
    source: ClassVar[str] = "arXiv 2509.00520 (paper); no official code could be read"

    instruction: str = "Given a query, retrieval relevant passage."
    template: str = TEMPLATE
    truncate_length: int | None = Field(default=None, ge=1)
    max_tokens: int = Field(default=4096, ge=1)

    @property
    def takes_instruction(self) -> bool:
        """Whether the template has a place for it."""
        return "{instruction}" in self.template

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Numbers from 0 to 10."""
        return frozenset({ScoreKind.OTHER})

    def relevance_map(self, kind: ScoreKind) -> ScoreMap | None:
        """A straight line over the prompt's scale."""
        return Range(low=0, high=_HIGHEST)

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One generation per passage."""
        replies = yield from generate([self._request(query, passage) for passage in passages])
        scores: list[float] = []
        reasoning: list[str] = []
        repairs = 0
        for reply in replies:
            found = find_integer(reply.text)
            repairs += found is None
            scores.append(0.0 if found is None else found[0] * _probability(reply, found[1], found[2]))
            reasoning.append(reply.text.strip())
        return GroupScores(scores=scores, kind=ScoreKind.OTHER, repairs=repairs, reasoning=reasoning)

    def _request(self, query: Query, passage: Passage) -> Generate:
        slots = {
            "instruction": Slot(query.instruction or self.instruction),
            "query": Slot(query.text, max_tokens=self.truncate_length),
            "document": Slot(passage.content, max_tokens=self.truncate_length, shrinks=True),
        }
        return Generate(user(*fill(self.template, slots)), self.max_tokens)


def find_integer(text: str) -> tuple[int, int, int] | None:
    """The answer and where its digits stand: the last well-formed one after the thinking.

    Returns:
        (integer from 0 to 10, first character, character after the last), or None without an answer.
    """
    found = None
    for match in _ANSWER.finditer(text, max(0, text.rfind("</think>"))):
        found = match
    if found is None or int(found[1]) > _HIGHEST:
        return None
    return int(found[1]), found.start(1), found.end(1)


def _probability(reply: Generated, start: int, end: int) -> float:
    """Probability of all tokens that spell the characters from ``start`` to ``end``."""
    if len(reply.logprobs) != len(reply.tokens) or not reply.tokens:
        logger.warning("The backend returns no log-probabilities: ERank scores are bare integers, with many ties.")
        return 1.0
    place, logprob = 0, 0.0
    for token, value in zip(reply.tokens, reply.logprobs, strict=True):
        if place < end and place + len(token) > start:
            logprob += value
        place += len(token)
    return math.exp(min(logprob, 0.0))


METHOD = ERank
