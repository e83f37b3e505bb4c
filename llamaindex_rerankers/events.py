"""ReRankUsageEvent: what reranking took, for LlamaIndex's instrumentation."""

from __future__ import annotations

from typing import Any

from llama_index.core.instrumentation.events.base import BaseEvent  # type: ignore[attr-defined]


class ReRankUsageEvent(BaseEvent):
    """Comes before the `ReRankEndEvent` of the same span; holds no query and no node.

    Attributes:
        usage: What `swaprank.adapters.usage` tells: ``rerank_models``, ``rerank_requests``, ``rerank_input_tokens``,
            ``rerank_output_tokens``, ``rerank_seconds`` and more.
    """

    usage: dict[str, Any]

    @classmethod
    def class_name(cls) -> str:
        """The name in dumps."""
        return "ReRankUsageEvent"
