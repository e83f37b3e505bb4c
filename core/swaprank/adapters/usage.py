"""What a ranking took, as numbers and names for traces: never a query, a passage or a secret."""

from __future__ import annotations

from typing import Any

from ..config.prices import PriceTable
from ..types import Ranking


def usage(name: str, ranking: Ranking, prices: PriceTable | None = None) -> dict[str, Any]:
    """What reranking one query took, in all stages together, as plain JSON.

    Args:
        name: The reranker: its recipe or method.
        ranking: What it made.
        prices: What its models cost, by the config.

    Returns:
        ``rerank_name``, ``rerank_models`` (each once, in the order in which they were asked), ``rerank_methods``,
        ``rerank_requests``, ``rerank_input_tokens``, ``rerank_output_tokens``, ``rerank_seconds``,
        ``rerank_billed_units`` (what hosted services say they bill), ``rerank_cut``
        (passages that were cut), ``rerank_repairs``, ``rerank_failures`` (their number) and ``rerank_score_kind``;
        with prices also ``rerank_cost`` and ``rerank_currency``, unless the price of a remote model is not known.
    """
    calls = ranking.calls
    cost = None if prices is None else prices.cost(calls)
    priced = {} if prices is None or cost is None else {"rerank_cost": cost, "rerank_currency": prices.currency}
    return {
        "rerank_name": name,
        "rerank_models": list(dict.fromkeys(call.model for call in calls if call.model)),
        "rerank_methods": list(dict.fromkeys(call.method for call in calls)),
        "rerank_requests": sum(call.requests for call in calls),
        "rerank_input_tokens": sum(call.input_tokens for call in calls),
        "rerank_output_tokens": sum(call.output_tokens for call in calls),
        "rerank_seconds": sum(call.seconds for call in calls),
        "rerank_billed_units": sum(call.billed_units for call in calls),
        "rerank_cut": sum(call.cut for call in calls),
        "rerank_repairs": ranking.repairs,
        "rerank_failures": len(ranking.failures),
        "rerank_score_kind": ranking.score_kind.value,
        **priced,
    }
