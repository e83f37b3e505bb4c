"""Query rewrite: an LLM rewrites the question, and passages are ranked for what it wrote.

The default prompt asks for a reason-query: first think about what an answer needs, then search with that thought. Su et
al., BRIGHT (2024), arXiv 2407.12883, showed what it gains on questions that must be reasoned about; Shao et al.,
ReasonIR (2025), arXiv 2504.20595, search with such queries, and ERank (2025), arXiv 2509.00520, reranks what they find.
The wording is ours. CAR (2023) rewrites only while it trains, for rewriting while searching costs a call and may drift
from the question; so the original question can be scored as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ..backend import Backend
from ..flow.flow import Flow, ask, together
from ..method import responses_of
from ..prompt import Slot, fill, user
from ..replies.parts import after_thinking
from ..requests import Capability, Generate, Generated
from ..scores import fusion_rules
from ..scores.ranks import descending
from ..types import Call, Passage, Query, ScoreKind
from .candidate_scores import CandidateScores
from .scale import Scale
from .stage import Stage

NAME = "query-rewrite"
NEEDS = frozenset({Capability.TEXT})

PROMPT = """\
Rewrite the question at the end for a search engine that finds the passages which help to answer it.

- Say what is asked for, in full: spell out names and abbreviations, and resolve what the question leaves implicit.
- Add what a helpful passage would contain: the fact, concept, method or cause that the answer turns on.
- Keep every condition of the question. Do not answer it, and do not invent facts.
- Write one paragraph of at most 100 words, in the language of the question, and nothing else.

Question: {question}"""


class QueryRewriteOptions(BaseModel):
    """``{query_rewrite: both, model: ..., backend: ..., rerank: bge-reranker-v2-m3, top_n: 10}``.

    Attributes:
        rule: ``query_rewrite:`` in a config. ``rewritten``: passages are scored against the rewritten question alone;
            ``both``: against both questions, z-scores added, at twice the cost.
        rerank: What scores them: a recipe name or a config.
        alpha: Weight of the rewritten question under ``both``, 0 to 1; the original gets the rest. None for 0.5.
        prompt: The LLM's prompt, in which ``{question}`` is filled in.
        max_tokens: Most tokens of its answer.
        temperature: Of its answer.
        seed: Of the sampler, for temperatures above 0.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: Literal["rewritten", "both"] = Field(alias="query_rewrite")
    rerank: Any = "embedded"
    alpha: float | None = Field(default=None, ge=0, le=1)
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

    @field_validator("alpha")
    @classmethod
    def _weighs_two(cls, alpha: float | None, info: Any) -> float | None:
        if alpha is not None and info.data.get("rule") != "both":
            raise ValueError("alpha weighs the two questions of query_rewrite: both")
        return alpha


@dataclass(frozen=True)
class QueryRewrite:
    """Has the question rewritten and reranks with what came of it.

    An answer without text leaves the question as it is and counts as a repair.

    Args:
        options: See there.
        llm: Rewrites the question.
        rerank: Scores the passages.
    """

    options: QueryRewriteOptions
    llm: Backend
    rerank: Stage

    @property
    def takes_instruction(self) -> bool:
        """Whether the reranker reads a query's instruction."""
        return self.rerank.ranker.takes_instruction

    @property
    def scale(self) -> Scale:
        """That of the reranker; the scores against two questions are fused, and their relevance is averaged."""
        scale = self.rerank.scale
        if self.options.rule == "rewritten":
            return scale
        why = "the scores against both questions are fused"
        return Scale(frozenset({ScoreKind.FUSED}), absolute=False, relevance=scale.relevance, why=why)

    def flow(
        self, query: Query, passages: Sequence[Passage], previous_scores: Sequence[float] | None
    ) -> Flow[CandidateScores]:
        """Rewrite, then rank for the rewritten question or for both."""
        text, call = yield from self._rewritten(query)
        # What is known about the question (its embedding, its parts) is not known about another text.
        rewritten = Query(text or query.text, instruction=query.instruction, retrieved=not text)
        questions = [rewritten, query] if text and self.options.rule == "both" else [rewritten if text else query]
        rankings = yield from together([self.rerank.flow(one, passages, previous_scores) for one in questions])
        kind = rankings[0].score_kind
        if len(rankings) == 1:
            scores = list(rankings[0].scores)
            order = [*rankings[0].order, *(i for i in descending(scores) if i not in set(rankings[0].order))]
        else:
            alpha = 0.5 if self.options.alpha is None else self.options.alpha
            lists = [ranking.scores for ranking in rankings]
            scores = fusion_rules.fuse(fusion_rules.RULES["z-score"], lists, [alpha, 1.0 - alpha])
            order, kind = descending(scores), ScoreKind.FUSED
        result = CandidateScores(
            order,
            scores,
            kind,
            repairs=int(not text),
            calls=[call],
            coverage=rankings[0].coverage,
            relevance=[self._averaged(row) for row in zip(*(one.relevance for one in rankings), strict=True)],
            evidence=rankings[0].evidence if self.options.rule == "rewritten" else {},
        )
        asked = [text or None, None][: len(rankings)]
        for ranking, other in reversed(list(zip(rankings, asked, strict=True))):
            result.add(replace(ranking, stage=replace(ranking.trace(), query=other)), range(len(passages)))
        return replace(result, rewritten_query=text or None)

    def _averaged(self, relevance: Sequence[float | None]) -> float | None:
        """The relevance of one passage to the rewritten question and, under ``both``, to the original."""
        if len(relevance) == 1:
            return relevance[0]
        rewritten, original = relevance
        alpha = 0.5 if self.options.alpha is None else self.options.alpha
        return None if rewritten is None or original is None else alpha * rewritten + (1 - alpha) * original

    def _rewritten(self, query: Query) -> Flow[tuple[str, Call]]:
        """What the LLM wrote, without its thoughts; and the call."""
        request = Generate(
            prompt=user(*fill(self.options.prompt, {"question": Slot(query.text)}), thinking=False),
            max_tokens=self.options.max_tokens,
            temperature=self.options.temperature,
            seed=self.options.seed,
        )
        answer = yield from ask(self.llm, [request])
        [response] = responses_of(Generated, answer.responses)
        usage = response.usage
        call = Call(NAME, self.llm.name, self.llm.model, 1, usage.input_tokens, usage.output_tokens, answer.seconds)
        return " ".join(after_thinking(response.text).split()).strip("\"'“”`* "), call
