"""A test collection without candidates: what readers of data give, and first stages take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...types import Passage


@dataclass(frozen=True)
class Collection:
    """Passages, queries and judgements.

    Attributes:
        name: For reports.
        source: The folder, file or id that it was read from.
        passages: The corpus by passage id.
        queries: Query text by id.
        qrels: Relevance by query id and passage id.
        split: The split of the judgements; empty where there are none.
        pools: For data that says which passages are to be ranked for a query: their ids. Their order means nothing, for
            many such files begin with the relevant ones.
    """

    name: str
    source: str
    passages: Mapping[str, Passage]
    queries: Mapping[str, str]
    qrels: dict[str, dict[str, int]]
    split: str = ""
    pools: Mapping[str, list[str]] = field(default_factory=dict)
