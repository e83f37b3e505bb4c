"""What the calls for some answers took, shared among the answers that came with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...requests import Usage


@dataclass(frozen=True, slots=True)
class Took:
    """What one call took, or several for the same answers.

    Attributes:
        tokens: Tokens read; 0 where the server does not count them.
        billed_units: What a hosted service says it bills; 0 where it says nothing.
        requests: How many calls.
    """

    tokens: int
    billed_units: float = 0.0
    requests: int = 1

    def __add__(self, other: Took) -> Took:
        return Took(self.tokens + other.tokens, self.billed_units + other.billed_units, self.requests + other.requests)

    def shares(self, count: int) -> list[Usage]:
        """The usage of each of so many answers; the first one counts the calls and their bill."""
        return [
            Usage(
                self.tokens // count + (place < self.tokens % count),
                requests=self.requests if place == 0 else 0,
                billed_units=self.billed_units if place == 0 else 0.0,
            )
            for place in range(count)
        ]


def took_by(payload: Any) -> Took:
    """What the body of a reply says: Cohere under ``meta``, ZeroEntropy on top, all others under ``usage``."""
    body = payload if isinstance(payload, Mapping) else {}
    usage, meta = _mapping(body, "usage"), _mapping(body, "meta")
    read = _mapping(meta, "tokens").get("input_tokens")
    total = usage.get("total_tokens") or usage.get("input_tokens") or body.get("total_tokens") or 0
    tokens = usage.get("prompt_tokens") or read or total
    billed = _mapping(meta, "billed_units")
    units = billed.get("search_units") or billed.get("input_tokens") or usage.get("rerank_units") or total
    return Took(int(tokens), float(units))


def _mapping(body: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = body.get(key)
    return found if isinstance(found, Mapping) else {}
