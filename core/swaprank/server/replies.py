"""Replies of the rerank interfaces."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from ..types import RankedPassage, Ranking
from .bodies import RerankJob


def rerank_reply(job: RerankJob, ranking: Ranking, model: str, *, version: str) -> dict[str, Any]:
    """The reply to ``/v1/rerank`` and ``/v2/rerank``: what Cohere's, Jina's and vLLM's clients read, in one object.

    Args:
        job: The request.
        ranking: What the reranker made of it.
        model: The name of the reranker.
        version: ``"1"`` or ``"2"``.
    """
    read, written = tokens(ranking)
    results: list[dict[str, Any]] = []
    wanted = _wanted(job, ranking)
    for ranked, score in zip(wanted, relevance(wanted), strict=True):
        result: dict[str, Any] = {"index": ranked.index, "relevance_score": score}
        if job.with_text:
            result["document"] = {"text": ranked.passage.text}
        if ranked.reasoning:
            result["reasoning"] = ranked.reasoning
        results.append(result)
    handled = [f"{failure.reranker}: {failure.action}: {failure.error}" for failure in ranking.failures]
    return {
        "id": str(uuid.uuid4()),
        "object": "list",
        "model": model,
        "results": results,
        "usage": {"total_tokens": read + written, "prompt_tokens": read},
        "meta": {
            "api_version": {"version": version},
            "tokens": {"input_tokens": read, "output_tokens": written},
            "warnings": [*job.warnings, *handled],
        },
    }


def tei_reply(job: RerankJob, ranking: Ranking, model: str) -> list[dict[str, Any]]:
    """The reply to Text Embeddings Inference's ``/rerank``, which names no model."""
    wanted = _wanted(job, ranking)
    return [
        {"index": ranked.index, "score": ranked.score if job.raw else score}
        | ({"text": ranked.passage.text} if job.with_text else {})
        for ranked, score in zip(wanted, relevance(wanted), strict=True)
    ]


def relevance(wanted: Sequence[RankedPassage]) -> list[float]:
    """The relevance of each passage between 0 and 1, or the scores of a reranker that tells none.

    It never rises along the order, for clients sort by it: a passage that is ranked behind another counts no more than
    that one.
    """
    known = [ranked.relevance for ranked in wanted if ranked.relevance is not None]
    if len(known) < len(wanted):
        return [ranked.score for ranked in wanted]
    return list(accumulate(known, min))


def tokens(ranking: Ranking) -> tuple[int, int]:
    """How many tokens were read and written for it."""
    return sum(call.input_tokens for call in ranking.calls), sum(call.output_tokens for call in ranking.calls)


def _wanted(job: RerankJob, ranking: Ranking) -> list[RankedPassage]:
    return ranking.passages[: job.top_n]
