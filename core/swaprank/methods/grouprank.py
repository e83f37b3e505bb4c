"""GroupRank: groups of passages scored 0 to 10 together, so that scores are comparative, yet each passage has its own.

GroupRank: A Groupwise Reranking Paradigm Driven by Reinforcement Learning (2025). Prompt of AQ-MedAI/Diver,
`Reranker/rerank_groupwise.py` (Apache-2.0, https://github.com/AQ-MedAI/Diver). The official code gives a group 0 when
its reply does not parse, drops passages that are not named, takes ``[0]`` for the last one and reads the first
``<answer>``; here passages without a score come after the scored ones of their group, in the order shown, and are
counted, and the last ``<answer>`` is read, even if it was cut. The official code also shuffles and asks twice: set
``seed`` and ``num_rounds``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ..errors import InputError
from ..method import GroupScores, Method, Steps, generate
from ..prompt import Chat, Message, Slot, fill
from ..replies.parts import after_thinking, outside_thinking, tagged
from ..requests import Capability, Generate
from ..scores.relevance import IDENTITY, ScoreMap
from ..types import Passage, Query, ScoreKind

_SYSTEM = """\
Your task is to evaluate and rank documents based on how well they help answer the given query. Follow this evaluation priority:
1. PRIMARY: Usefulness & Helpfulness - Does the document provide actionable information, solutions, or direct answers that help address the user's needs?
2. SECONDARY: Relevance - Does the document contain information related to the query topic?

Evaluation Process:
1. First, identify the user's core intent and what kind of help they need from the query
2. For each document, assess:
   - How directly it addresses the user's intent
   - What actionable information or answers it provides
   - How much it helps solve the user's problem or need
3. Compare documents against each other to ensure proper ranking
4. Assign scores that reflect the relative usefulness ranking

Scoring Scale (0-10):
- 9-10: Extremely helpful, directly answers the query with actionable information
- 7-8: Very helpful, provides substantial useful information for the query
- 5-6: Moderately helpful, contains some useful information but incomplete
- 3-4: Minimally helpful, limited useful information despite topic relevance
- 1-2: Barely helpful, mentions related topics but provides little useful information
- 0: Not helpful at all, cannot assist with answering the query
"""  # noqa: E501
_USER = """\
I will provide you {TOPK} documents, each indicated by a numerical identifier []. Score these documents based on their Usefulness and Relevance to the query.
Query:
{QUERY}

Documents:
{PASSAGES}

## Final Output Format
You must structure your response in exactly two parts: provide your brief reasoning process first, then output final scores in JSON format like below, with document IDs as string keys and integer scores as values for all {TOPK} documents.\x20
The reasoning process and answer are enclosed within <reason> </reason> and <answer> </answer> tags, respectively. Do NOT output anything outside the specified tags. Follow this exact format:
<reason>\x20
[Analyze each document's usefulness and relevance to the query, explaining your scoring rationale]
</reason>
<answer>\x20
```json
{"[1]": 5, "[2]": 3, "[3]": 8}
```\x20
</answer>
"""  # noqa: E501
_NEWLINES = re.compile(r"\n+")
# White space is bounded, or a long run of it would be tried in every split.
_ENTRY = re.compile(r'"\s{0,3}\[?\s{0,3}(\d{1,9})\s{0,3}\]{0,2}\s{0,3}"\s{0,9}:\s{0,9}"?(-?\d{1,9}(?:\.\d{1,9})?)')
_BEST = 10.0
_STEP = 0.1


class GroupRank(Method):
    """Scores of a group, from 0 to 1, after reasoning.

    Attributes:
        max_doc_length: Most characters of a passage.
        retriever_weight: Weight of the candidates' own scores in the final score; the rest is the model's
            (Diver's final ranking: 0.4). They must then all have one.
        max_tokens: Most tokens of a reply, reasoning included.
        temperature: 0 decodes greedily; officially 0.3.
    """

    name: ClassVar[str] = "grouprank"
    family: ClassVar[Literal["groupwise"]] = "groupwise"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TEXT})
    strategy: ClassVar[str] = "groups"
    source: ClassVar[str] = "AQ-MedAI/Diver (Apache-2.0), https://github.com/AQ-MedAI/Diver"

    max_doc_length: int = Field(default=3000, ge=1)
    retriever_weight: float = Field(default=0, ge=0, le=1)
    max_tokens: int = Field(default=8000, ge=1)
    temperature: float = Field(default=0, ge=0)

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Numbers from 0 to 1."""
        return frozenset({ScoreKind.OTHER})

    @property
    def scores_absolute(self) -> bool:
        """Whether the candidates' own scores, which may mean anything, are not mixed in."""
        return not self.retriever_weight

    def relevance_map(self, kind: ScoreKind) -> ScoreMap | None:
        """The number itself: the model's 0 to 10 divided by 10."""
        return IDENTITY

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One request per group."""
        request = Generate(self._prompt(query, passages), self.max_tokens, temperature=self.temperature)
        [reply] = yield from generate([request])
        found = scores(reply.text, len(passages))
        lowest = min((score for score in found if score is not None), default=0.0) - _STEP
        filled = [lowest if score is None else score for score in found]
        if self.retriever_weight:
            own = [self._retrieved(passage) for passage in passages]
            share = self.retriever_weight
            filled = [(1 - share) * score + share * given for score, given in zip(filled, own, strict=True)]
        reasoning = tagged(reply.text, "reason")
        return GroupScores(
            scores=filled,
            kind=ScoreKind.OTHER,
            repairs=found.count(None),
            reasoning=[reasoning.strip()] * len(passages) if reasoning else (),
        )

    def _prompt(self, query: Query, passages: Sequence[Passage]) -> Chat:
        known: dict[str, str | Slot] = {"TOPK": str(len(passages)), "QUERY": Slot(query.text)}
        before, after = _USER.split("{PASSAGES}")
        listed: list[str | Slot] = []
        for number, passage in enumerate(passages, start=1):
            text = _NEWLINES.sub(" ", passage.content)[: self.max_doc_length]
            listed += [f"[{number}]. ", Slot(text, shrinks=True), "\n\n"]
        content = (*fill(before, known), *listed, *fill(after, known))
        return Chat((Message("system", _SYSTEM), Message("user", content)))

    def _retrieved(self, passage: Passage) -> float:
        if passage.score is None or not math.isfinite(passage.score):
            raise InputError(
                f"retriever_weight {self.retriever_weight} needs a retrieval score for every passage, and one has "
                f"{passage.score!r}.",
                hint="Set retriever_weight: 0.",
            )
        return passage.score


def scores(text: str, n: int) -> list[float | None]:
    """The score of each of ``n`` passages in a reply, from 0 to 1; None where it names none.

    Read are the entries of the last ```` ```json ```` block, else of the last ``{...}``, of the last ``<answer>`` or
    of the reply without its reasoning. They need not be complete JSON: an answer may end in the middle.
    """
    text = outside_thinking(text)
    _, opened, answer = text.rpartition("<answer>")
    block = answer.partition("</answer>")[0] if opened else _answered(text)
    _, fenced, json = block.rpartition("```json")
    block = json.partition("```")[0] if fenced else block
    block = block[max(block.rfind("{"), 0) :].partition("}")[0] if "{" in block else ""
    found: list[float | None] = [None] * n
    for number, value in _ENTRY.findall(block):
        if 1 <= int(number) <= n:
            found[int(number) - 1] = min(max(float(value), 0.0), _BEST) / _BEST
    return found


def _answered(text: str) -> str:
    """A reply without ``<answer>``, without its reasoning."""
    return after_thinking(text).rpartition("</reason>")[2].partition("<reason>")[0]


METHOD = GroupRank
