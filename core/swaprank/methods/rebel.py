"""REBEL: beyond relevance, the model weighs criteria such as recency, authority and diversity of perspectives.

Le et al., Relevance Isn't All You Need: Scaling RAG Systems With Inference-Time Compute Via Multi-Criteria Reranking
(2025). Two turns: the model first writes a scoring prompt for this query, then scores batches with it; or one
turn with five fixed criteria. Reconstructed from what is public: microsoft/REBEL (MIT,
https://github.com/microsoft/REBEL) and LlamaIndex pull request 17590, which was never merged. All prompts are options;
the default ones lie in ``rebel_prompts/``, word for word: ``one-turn.txt`` is from the history of microsoft/REBEL,
``relevance-only.txt`` from its head, ``multi-criteria.txt`` from the pull request (MIT), in an early wording.

Unlike there, each document is ranked once and none is lost: those without a score follow the others and are counted.
Decimals are read whole, numbers may stand in brackets, and reasoning is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from ..method import GroupScores, Method, Steps, generate
from ..prompt import Slot, Text, fill, spoken, user
from ..replies.parts import after_thinking
from ..requests import Capability, Generate
from ..types import Passage, Query, ScoreKind

_SCORE = re.compile(r"-?\d{1,9}(?:\.\d{1,9})?")
_CONTEXT = Slot("{context_str}")
_PLACEHOLDERS = ("{context_str}", "{query_str}")


class Rebel(Method):
    """Multi-criteria scores, by criteria that the model chooses for the query.

    Attributes:
        one_turn: Skip the first turn and take `one_turn_prompt`, with its fixed criteria.
        criteria: Which meta prompt the first turn uses.
        choice_batch_size: Documents per scoring prompt.
        one_turn_prompt: A scoring prompt with ``{context_str}`` and ``{query_str}``; also what is taken when
            the first turn writes one without them. None for the authors'.
        meta_prompt: The prompt of the first turn, with ``{user_query}``; None for that of `criteria`.
        max_tokens: Most tokens of a list of scores.
        max_prompt_tokens: Most tokens of the prompt that the first turn writes.
    """

    name: ClassVar[str] = "rebel"
    family: ClassVar[Literal["listwise"]] = "listwise"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TEXT})
    source: ClassVar[str] = "microsoft/REBEL (MIT), https://github.com/microsoft/REBEL"

    one_turn: bool = False
    criteria: Literal["multi-criteria", "relevance-only"] = "multi-criteria"
    choice_batch_size: int = Field(default=10, ge=1)
    one_turn_prompt: str | None = None
    meta_prompt: str | None = None
    max_tokens: int = Field(default=1024, ge=1)
    max_prompt_tokens: int = Field(default=4096, ge=1)

    @field_validator("one_turn_prompt")
    @classmethod
    def _usable(cls, prompt: str | None) -> str | None:
        if prompt is not None and not all(name in prompt for name in _PLACEHOLDERS):
            raise ValueError(f"the prompt must contain {' and '.join(_PLACEHOLDERS)}")
        return prompt

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Numbers by the model's own criteria."""
        return frozenset({ScoreKind.OTHER})

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One prompt to write the prompt, then one per batch, all batches together."""
        repairs = 0
        template: Text = self._fixed_prompt
        if not self.one_turn:
            meta = fill(self.meta_prompt or _prompt(self.criteria), {"user_query": Slot(query.text)})
            [written] = yield from generate([Generate(user(*meta), self.max_prompt_tokens)])
            template, repairs = self._written(written.text, query)
        size = self.choice_batch_size
        batches = [passages[start : start + size] for start in range(0, len(passages), size)]
        replies = yield from generate(
            [Generate(user(*_filled(template, query, batch)), self.max_tokens) for batch in batches]
        )
        found: list[float | None] = []
        for reply, batch in zip(replies, batches, strict=True):
            found += scores(reply.text, len(batch))
        floor = min((score for score in found if score is not None), default=1.0) - 1.0
        return GroupScores(
            scores=[floor if score is None else score for score in found],
            kind=ScoreKind.OTHER,
            repairs=repairs + found.count(None),
        )

    @property
    def _fixed_prompt(self) -> str:
        return self.one_turn_prompt or _prompt("one-turn")

    def _written(self, reply: str, query: Query) -> tuple[Text, int]:
        """The prompt that the first turn wrote, with the query in it marked as text from outside."""
        # Longest first, so that neither a query inside a placeholder ("query") nor one around it breaks the other.
        marks = sorted((query.text, *_PLACEHOLDERS), key=len, reverse=True)
        pieces = re.split("(" + "|".join(map(re.escape, marks)) + ")", reply)
        parts = _after_thinking([Slot(piece) if piece == query.text else piece for piece in pieces if piece])
        return (parts, 0) if all(name in parts for name in _PLACEHOLDERS) else (self._fixed_prompt, 1)


@cache
def _prompt(name: str) -> str:
    return files(__package__).joinpath("rebel_prompts", f"{name}.txt").read_text(encoding="utf-8")


def _after_thinking(parts: Sequence[str | Slot]) -> tuple[str | Slot, ...]:
    """As `after_thinking`, of a reply in parts; tags inside slots are the query's own and end no thinking."""
    kept: list[str | Slot] = []
    for part in parts:
        if isinstance(part, str):
            _, closed, part = part.rpartition("</think>")
            kept = [] if closed else kept
        kept.append(part)
    for place, part in enumerate(kept):
        if isinstance(part, str) and "<think>" in part:
            return (*kept[:place], part.partition("<think>")[0])
    return tuple(kept)


def _filled(template: Text, query: Query, batch: Sequence[Passage]) -> tuple[str | Slot, ...]:
    """A scoring prompt with documents and query in place; placeholders inside slots stay as they are."""
    written = not isinstance(template, str)
    parts: list[str | Slot] = []
    for piece in (template,) if isinstance(template, str) else template:
        if isinstance(piece, Slot):
            parts.append(piece)
            continue
        for part in fill(spoken(piece), {"context_str": _CONTEXT, "query_str": Slot(query.text)}):
            if part is _CONTEXT:
                parts += _documents(batch)
            else:
                parts.append(Slot(part) if written and isinstance(part, str) else part)
    return tuple(parts)


def _documents(batch: Sequence[Passage]) -> list[str | Slot]:
    parts: list[str | Slot] = []
    for number, passage in enumerate(batch, start=1):
        gap = "\n\n" if number > 1 else ""
        parts += [f"{gap}Document {number}:\n", Slot(passage.content, shrinks=True)]
    return parts


def scores(text: str, n: int) -> list[float | None]:
    """The score of each of ``n`` documents in lines ``Doc: 2, Relevance: 7.5``; None where there is none."""
    found: list[float | None] = [None] * n
    for line in after_thinking(text).split("\n"):
        parts = line.split(",")
        if len(parts) != 2 or not all(":" in part for part in parts):
            continue
        name, value = (part.partition(":")[2].strip() for part in parts)
        number, score = name.strip("[]").strip(), _SCORE.search(value)
        if number.isdecimal() and len(number) <= 9 and score and 1 <= int(number) <= n:
            place = int(number) - 1
            found[place] = float(score[0]) if found[place] is None else found[place]
    return found


METHOD = Rebel
