"""Question decomposition: an LLM splits the question, its parts widen the pool, the pool is ranked for the question.

Ammann, Golde and Akbik, Question Decomposition for Retrieval-Augmented Generation, ACL SRW 2025 (arXiv 2507.00355).
The steps are the paper's; the prompt is ours, for no official code was to be found.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ..backend import Backend
from ..flow.flow import Flow, ask, together
from ..method import responses_of
from ..prompt import Slot, fill, user
from ..replies.sub_questions import parse
from ..requests import Capability, Generate, Generated
from ..scores.ranks import descending
from ..types import Call, Decomposed, Passage, Query, Ranking, ScoreKind, Trace
from .candidate_scores import CandidateScores
from .pooling import covering
from .scale import Scale
from .stage import Stage

NAME = "question-decomposition"
NEEDS = frozenset({Capability.TEXT})

PROMPT = """\
Split the question at the end into the simpler questions that have to be answered on the way to its answer.

- Each asks for one fact and can be understood alone: repeat names instead of writing "he" or "that film".
- At most {max_sub_questions} of them, in the order in which they are needed, one on each line, numbered, nothing else.
- If the question already asks for a single fact, answer with the one word NONE.

Question: {question}"""


class DecompositionOptions(BaseModel):
    """``{decomposition: original, model: ..., backend: ..., rerank: bge-reranker-v2-m3, top_n: 10}``.

    Attributes:
        rule: ``decomposition:`` in a config: what the pooled passages are scored against. ``original``: the question
            itself (the paper's rule); ``max`` or ``mean``: over the scores against the question and each of its
            parts, at as many times the cost.
        rerank: What scores them: a recipe name or a config.
        search: What finds candidates for each part among the given ones, where no retriever does: as `rerank`.
        k: How many candidates the question and each of its parts bring into the pool.
        max_sub_questions: Most parts.
        coverage: Among how many of the first places (at most ``top_n``) every part has its best passage; None lets
            the scores decide alone. The best-scored passage always stays first.
        prompt: The LLM's prompt, in which ``{question}`` and ``{max_sub_questions}`` are filled in.
        max_tokens: Most tokens of its answer.
        temperature: Of its answer; the paper samples at 0.8, 0 gives the same parts every time.
        seed: Of the sampler, for temperatures above 0.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: Literal["original", "max", "mean"] = Field(alias="decomposition")
    rerank: Any = "embedded"
    search: Any = "bm25"
    k: int = Field(default=10, ge=1)
    max_sub_questions: int = Field(default=5, ge=1)
    coverage: int | None = Field(default=5, ge=1)
    prompt: str = PROMPT
    max_tokens: int = Field(default=512, ge=1)
    temperature: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    seed: int | None = None

    @field_validator("prompt")
    @classmethod
    def _has_a_place_for_the_question(cls, prompt: str) -> str:
        if "{question}" not in prompt:
            raise ValueError("the prompt has no place for {question}")
        return prompt


@dataclass(frozen=True)
class Decomposition:
    """Splits the question, pools what is found for its parts, and reranks the pool.

    Candidates outside the pool rank after it, in the given order. A question without parts is reranked as if there
    were no decomposition.

    Args:
        options: See there.
        llm: Splits the question.
        search: Ranks the given candidates for each part.
        rerank: Scores the pool.
        top_n: How many passages will be kept.
    """

    options: DecompositionOptions
    llm: Backend
    search: Stage
    rerank: Stage
    top_n: int | None = None

    @property
    def takes_instruction(self) -> bool:
        """Whether the search or the reranker reads a query's instruction."""
        return self.search.ranker.takes_instruction or self.rerank.ranker.takes_instruction

    def keeping(self, top_n: int) -> Decomposition:
        """The same, with `top_n` passages kept."""
        return replace(self, top_n=top_n)

    @property
    def scale(self) -> Scale:
        """That of the reranker of the pool."""
        scale = self.rerank.scale
        return scale if self.options.rule == "original" else replace(scale, evidence=frozenset())

    def split(self, query: Query) -> Flow[Decomposed]:
        """Ask the LLM for the parts of a question."""
        limit = str(self.options.max_sub_questions)
        filled = fill(self.options.prompt, {"question": Slot(query.text), "max_sub_questions": limit})
        request = Generate(
            # A thought costs more than the parts, and would use up `max_tokens`.
            prompt=user(*filled, thinking=False),
            max_tokens=self.options.max_tokens,
            temperature=self.options.temperature,
            seed=self.options.seed,
        )
        answer = yield from ask(self.llm, [request])
        [response] = responses_of(Generated, answer.responses)
        parsed = parse(response.text, query.text, self.options.max_sub_questions)
        tokens = response.usage
        call = Call(NAME, self.llm.name, self.llm.model, 1, tokens.input_tokens, tokens.output_tokens, answer.seconds)
        return Decomposed(parsed.questions, k=self.options.k, repairs=int(parsed.malformed), calls=(call,))

    def flow(
        self, query: Query, passages: Sequence[Passage], previous_scores: Sequence[float] | None
    ) -> Flow[CandidateScores]:
        """Split, pool and rerank; no LLM call where the query brings its parts."""
        parts = query.decomposed or (yield from self.split(query))
        query = replace(query, decomposed=None)
        questions = [
            query,
            *(Query(text, instruction=query.instruction, retrieved=False) for text in parts.sub_questions),
        ]
        searches: list[Ranking] = []
        found: Sequence[Sequence[int]] = parts.found if parts.sub_questions else [range(len(passages))]
        if not found:
            searches = yield from together([self.search.flow(one, passages, previous_scores) for one in questions])
            found = [ranking.order[: self.options.k] for ranking in searches]
        pool = list(dict.fromkeys(chain.from_iterable(found)))
        against = questions if self.options.rule != "original" else questions[:1]
        before = None if previous_scores is None else [previous_scores[index] for index in pool]
        rankings = yield from together(
            [self.rerank.flow(one, [passages[index] for index in pool], before) for one in against]
        )
        result = self._ordered(rankings, [[pool.index(index) for index in one[:1]] for one in found[1:]])
        result.calls, result.repairs = list(parts.calls), parts.repairs
        # Of the inner searches only the work counts: what they say of a passage is said of another question.
        for ranking in [*searches, *rankings[1:]]:
            result.add(replace(ranking, passages=[], unscored=[]), ())
        result.add(rankings[0], range(len(pool)))
        result.parts += [_asked(one, text) for one, text in zip(rankings[1:], parts.sub_questions, strict=False)]
        whole = result.within(pool, len(passages))
        whole.parts = [*self._found(parts.sub_questions, searches, parts.found), *whole.parts]
        for text, one in zip(parts.sub_questions, found[1:], strict=True):
            for index in one:
                whole.sub_questions[index] = (*whole.sub_questions.get(index, ()), text)
        return replace(whole, kept=None)

    def _found(
        self, sub_questions: Sequence[str], searches: Sequence[Ranking], found: Sequence[Sequence[int]]
    ) -> list[Trace]:
        """What each search brought into the pool: for the question, then for each part."""
        if not sub_questions:
            return []
        if searches:
            traces = [_asked(one, text) for one, text in zip(searches, [None, *sub_questions], strict=True)]
            k = self.options.k
            return [replace(one, kept=one.kept[:k], scores=one.scores[:k]) for one in traces]
        return [
            Trace("retriever", tuple(one), tuple(one), (), ScoreKind.RETRIEVAL.value, 0.0, query=text)
            for one, text in zip(found, [None, *sub_questions], strict=True)
        ]

    def _ordered(self, rankings: Sequence[Ranking], first: Sequence[Sequence[int]]) -> CandidateScores:
        """The pool in its new order.

        Args:
            rankings: The pool against the question, and under ``max`` and ``mean`` against each part.
            first: What was found first for each part, as positions in the pool; empty where nothing was.
        """
        scores = [_COMBINE[self.options.rule](row) for row in zip(*(one.scores for one in rankings), strict=True)]
        order = descending(scores)
        if len(rankings) > 1:
            first = [descending(one.scores)[:1] for one in rankings[1:]]
        else:
            order = [*rankings[0].order, *(index for index in order if index not in set(rankings[0].order))]
        if self.options.coverage is not None and first:
            places = min(self.options.coverage, self.top_n or len(order))
            order, scores = covering(order, scores, [*chain.from_iterable(first)], places)
        return CandidateScores(
            order,
            scores,
            kind=rankings[0].score_kind,
            coverage=rankings[0].coverage,
            relevance=[self._combined(row) for row in zip(*(one.relevance for one in rankings), strict=True)],
            evidence=rankings[0].evidence if self.options.rule == "original" else {},
        )

    def _combined(self, relevance: Sequence[float | None]) -> float | None:
        """Of one passage, over the questions that it was scored against."""
        known = [one for one in relevance if one is not None]
        return _COMBINE[self.options.rule](known) if len(known) == len(relevance) else None


def _asked(ranking: Ranking, query: str | None) -> Trace:
    """The trace of an inner ranking, with the question that it was for; None for the question of the call."""
    return replace(ranking.trace(), query=query)


_COMBINE: Mapping[str, Callable[[Sequence[float]], float]] = {
    "original": lambda scores: scores[0],
    "max": max,
    "mean": lambda scores: math.fsum(scores) / len(scores),
}
