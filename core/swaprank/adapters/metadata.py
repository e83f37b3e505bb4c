"""What the adapters write into the metadata of the nodes and documents they return."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from ..types import RankedPassage, Ranking

RETRIEVAL_SCORE = "retrieval_score"
SCORE_KIND = "rerank_score_kind"
RELEVANCE = "rerank_relevance"
REASONING = "rerank_reasoning"
FAILURES = "rerank_failures"
SUB_QUESTIONS = "rerank_sub_questions"
QUOTE = "rerank_quote"
HIGHLIGHTS = "rerank_highlights"
WARNINGS = "rerank_warnings"
UNSCORED = "rerank_unscored"

STALE = frozenset({RELEVANCE, REASONING, FAILURES, SUB_QUESTIONS, QUOTE, HIGHLIGHTS, WARNINGS, UNSCORED})
"""Keys to remove before new metadata is written: what an earlier reranker left there is not true of a later ranking."""


def rerank_metadata(ranking: Ranking, ranked: RankedPassage, *, reasoning: bool) -> dict[str, Any]:
    """Metadata of one kept passage.

    The adapter leaves ``retrieval_score`` out where an earlier reranker has kept it already.

    Args:
        ranking: The ranking that the passage is part of.
        ranked: The passage.
        reasoning: Whether to include what the model said about the passage; it can be long.
    """
    metadata: dict[str, Any] = {SCORE_KIND: ranking.score_kind.value}
    score = ranked.passage.score
    # NaN stands for no score, and strict JSON does not take it.
    if score is not None and not math.isnan(score):
        metadata[RETRIEVAL_SCORE] = score
    if ranked.relevance is not None:
        metadata[RELEVANCE] = ranked.relevance
    if reasoning and ranked.reasoning:
        metadata[REASONING] = ranked.reasoning
    if ranked.sub_questions:
        metadata[SUB_QUESTIONS] = list(ranked.sub_questions)
    if ranked.quote:
        metadata[QUOTE] = ranked.quote
    if ranked.highlights:
        metadata[HIGHLIGHTS] = [asdict(highlight) for highlight in ranked.highlights]
    if ranking.warnings:
        metadata[WARNINGS] = list(ranking.warnings)
    if ranked.index in ranking.unscored:
        metadata[UNSCORED] = True
    if ranking.failures:
        metadata[FAILURES] = [f"{failure.reranker}: {failure.error} ({failure.action})" for failure in ranking.failures]
    return metadata
