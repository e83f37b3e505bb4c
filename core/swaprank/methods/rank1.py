"""Rank1: a base model thinks about one pair, then says true or false.

Paper: https://arxiv.org/abs/2502.18418. Code: https://github.com/orionw/rank1 (30585c2f, MIT), rank1.py. Unlike
there, an answer counts as complete only if the model has closed its thinking and answered; thinking that was cut is
always closed, and the model asked once more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from ..method import GroupScores, Method, Steps, generate, label_scores
from ..prompt import Slot, Text, fill
from ..requests import Capability, Generate, LabelLogprobs
from ..scores.activation import sigmoid
from ..types import Passage, Query, ScoreKind

# The prompt the weights were trained with: rank1.py, MIT.
_TEMPLATE = """\
Determine if the following passage is relevant to the query. Answer only with 'true' or 'false'.
Query: {query}
Passage: {passage}
<think>"""
_WORDS = (" true", " false")
_STOP = ("</think> true", "</think> false")
_QUERY = "FILL_QUERY_HERE"


class Rank1(Method):
    """Score = probability of true among true and false.

    Attributes:
        instruction: Put after the query, unless it says the same; a query's own instruction replaces it.
        dataset_prompt: A text that takes the query in place of every ``FILL_QUERY_HERE``, such as the official
            repository has for some collections.
        max_tokens: Most tokens to think with.
    """

    name: ClassVar[str] = "rank1"
    family: ClassVar[Literal["pointwise"]] = "pointwise"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TEXT, Capability.LABEL_LOGPROBS})
    source: ClassVar[str] = "https://github.com/orionw/rank1 30585c2f (MIT)"

    instruction: str = ""
    dataset_prompt: str = _QUERY
    max_tokens: int = Field(default=8192, ge=1)

    @field_validator("dataset_prompt")
    @classmethod
    def _takes_the_query(cls, prompt: str) -> str:
        if _QUERY not in prompt:
            raise ValueError(f"dataset_prompt must contain {_QUERY}, and is {prompt!r}")
        return prompt

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Probabilities."""
        return frozenset({ScoreKind.PROBABILITY})

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One generation per passage, and one forced answer for each that did not end in one."""
        prompts = [self._prompt(query, passage) for passage in passages]
        answers = yield from generate(
            [Generate(prompt, self.max_tokens, stop=_STOP, watch=_WORDS) for prompt in prompts]
        )
        scores: dict[int, float] = {}
        forced: dict[int, LabelLogprobs] = {}
        for place, answer in enumerate(answers):
            if answer.ending == "stop" and len(answer.watched) == len(_WORDS):
                scores[place] = _probability(answer.watched)
            else:
                forced[place] = LabelLogprobs(_closed(prompts[place], answer.text), _WORDS)
        judgements = yield from label_scores(list(forced.values()))
        for place, judgement in zip(forced, judgements, strict=True):
            scores[place] = _probability(judgement.logprobs)
        return GroupScores(
            scores=[scores[place] for place in range(len(passages))],
            kind=ScoreKind.PROBABILITY,
            repairs=len(forced),
            reasoning=[answer.text.strip() for answer in answers],
        )

    def _prompt(self, query: Query, passage: Passage) -> tuple[str | Slot, ...]:
        query_slot = Slot(self._instructed(query))
        first, *rest = self.dataset_prompt.split(_QUERY)
        before, after = _TEMPLATE.split("{query}")
        filled = [part for text in rest for part in (query_slot, text)]
        return (before + first, *filled, *fill(after, {"passage": Slot(passage.content, shrinks=True)}))

    def _instructed(self, query: Query) -> str:
        """The query with its instruction; stripped only where there is one, as officially."""
        instruction = query.instruction or self.instruction
        if not instruction:
            return query.text
        same = query.text.strip() == instruction.strip()
        return (query.text if same else f"{query.text} {instruction}").strip()


def _closed(prompt: tuple[str | Slot, ...], written: str) -> Text:
    """The prompt with the thinking so far, up to its last sentence end, and the closing tag."""
    thinking = written.rstrip()
    if not thinking.endswith((".", "!", "?")):
        end = max(thinking.rfind(mark) for mark in ".!?")
        thinking = thinking[: end + 1] if end >= 0 else thinking
    return (*prompt, "\n", Slot(thinking.strip(), shrinks=True), "\n</think>")


def _probability(logprobs: Sequence[float]) -> float:
    true, false = logprobs
    if math.isinf(true) and math.isinf(false):
        return 0.5
    return sigmoid(true - false)


METHOD = Rank1
