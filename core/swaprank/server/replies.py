"""Replies of the rerank interfaces."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from ..types import RankedPassage, Ranking
from .bodies import RerankJob


def reply(job: RerankJob, ranking: Ranking, model: str, *, version: str = "1") -> Any:
    """The reply in the words of the request.

    Args:
        job: The request.
        ranking: What the reranker made of it.
        model: The name of the reranker.
        version: Cohere's: ``"1"`` or ``"2"``.
    """
    if job.dialect == "tei":
        return tei_reply(job, ranking)
    return rerank_reply(job, ranking, model, version=version)


def rerank_reply(job: RerankJob, ranking: Ranking, model: str, *, version: str) -> dict[str, Any]:
    """The reply to ``/v1/rerank`` and ``/v2/rerank``: what Cohere's, Jina's and vLLM's clients read, in one object.

    Voyage's clients read ``data`` for ``results``, and a document as its text.

    Args:
        job: The request.
        ranking: What the reranker made of it.
        model: The name of the reranker.
        version: ``"1"`` or ``"2"``.
    """
    voyage = job.dialect == "voyage"
    read, written = tokens(ranking)
    results: list[dict[str, Any]] = []
    for ranked, score in zip(ranking.passages, relevance(ranking.passages), strict=True):
        result: dict[str, Any] = {"index": ranked.index, "relevance_score": score}
        if job.with_text:
            result["document"] = ranked.passage.text if voyage else {"text": ranked.passage.text}
        if ranked.reasoning:
            result["reasoning"] = ranked.reasoning
        results.append(result)
    handled = [f"{failure.reranker}: {failure.action}: {failure.error}" for failure in ranking.failures]
    return {
        "id": str(uuid.uuid4()),
        "object": "list",
        "model": model,
        "data" if voyage else "results": results,
        "usage": {"total_tokens": read + written, "prompt_tokens": read},
        "meta": {
            "api_version": {"version": version},
            "tokens": {"input_tokens": read, "output_tokens": written},
            "warnings": [*job.warnings, *handled],
        },
    }


def tei_reply(job: RerankJob, ranking: Ranking) -> list[dict[str, Any]]:
    """The reply to Text Embeddings Inference's ``/rerank``, which names no model."""
    return [
        {"index": ranked.index, "score": ranked.score if job.raw else score}
        | ({"text": ranked.passage.text} if job.with_text else {})
        for ranked, score in zip(ranking.passages, relevance(ranking.passages), strict=True)
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


def encoded(content: Any) -> bytes:
    """JSON in UTF-8.

    Raises:
        ValueError: It holds a number that is not finite, which JSON has not.
    """
    try:
        return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        # Half of a surrogate pair, which JSON can say and UTF-8 cannot, goes back as it came.
        return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()


def tokens(ranking: Ranking) -> tuple[int, int]:
    """How many tokens were read and written for it."""
    return sum(call.input_tokens for call in ranking.calls), sum(call.output_tokens for call in ranking.calls)
