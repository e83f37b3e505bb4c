"""What the adapters write into the metadata of the nodes and documents they return."""

from __future__ import annotations

from typing import Any

from ..types import RankedPassage, Ranking

RETRIEVAL_SCORE = "retrieval_score"
SCORE_KIND = "rerank_score_kind"
REASONING = "rerank_reasoning"
FAILURES = "rerank_failures"
SUB_QUESTIONS = "rerank_sub_questions"

# What these keys say of an earlier reranker is not true of a later one.
STALE = frozenset({REASONING, FAILURES, SUB_QUESTIONS})


def rerank_metadata(ranking: Ranking, ranked: RankedPassage, *, reasoning: bool) -> dict[str, Any]:
    """Metadata of one kept passage; the retrieval score is the adapter's to keep, which knows where it stood.

    Args:
        ranking: What the passage was ranked in.
        ranked: The passage.
        reasoning: Whether what the model said about it belongs to them; it can be long.
    """
    told: dict[str, Any] = {SCORE_KIND: ranking.score_kind.value}
    if reasoning and ranked.reasoning:
        told[REASONING] = ranked.reasoning
    if ranked.sub_questions:
        told[SUB_QUESTIONS] = list(ranked.sub_questions)
    if ranking.failures:
        told[FAILURES] = [f"{failure.reranker}: {failure.error} ({failure.action})" for failure in ranking.failures]
    return told
