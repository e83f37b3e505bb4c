"""What one call of a hosted service may hold, and how passages are split into calls that hold no more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# The least bytes of UTF-8 that a token is taken for, where a limit is in tokens: English has four to five, CJK three.
_BYTES_OF_TOKEN = 3
# The most bytes that a token is taken for, so that only queries that are surely too long are called so.
_MOST_BYTES_OF_TOKEN = 6
# What ZeroEntropy, and with room to spare everybody, counts for a passage besides the texts.
_OVERHEAD = 150


@dataclass(frozen=True, slots=True)
class Limits:
    """What a service takes, as its documentation states it; None where it states no limit.

    Attributes:
        documents: Most passages of one call.
        tokens: Most tokens of one call, where the query counts once for each passage.
        size: Most bytes of one call, counted likewise.
        characters: Most characters of one passage. What is longer is refused by the service, so that it is cut here.
        query_tokens: Most tokens of a query; the service cuts what is longer.
    """

    documents: int | None = None
    tokens: int | None = None
    size: int | None = None
    characters: int | None = None
    query_tokens: int | None = None

    def calls(self, query: str, passages: Sequence[str], most: int) -> Iterator[list[int]]:
        """The places of the passages in calls of at most `most` of them, in order, each within the limits.

        A passage that exceeds a limit alone is alone in its call.
        """
        most = min(most, self.documents or most)
        room = self.size if self.tokens is None else self.tokens * _BYTES_OF_TOKEN
        for_each = len(query.encode()) + _OVERHEAD
        call: list[int] = []
        held = 0
        for place, passage in enumerate(passages):
            weight = for_each + len(passage.encode()) if room else 0
            if call and (len(call) == most or (room and held + weight > room)):
                yield call
                call, held = [], 0
            call.append(place)
            held += weight
        yield call

    def exceeded_by(self, query: str) -> bool:
        """Whether the query is longer than what is read of one, whatever the tokenizer."""
        return self.query_tokens is not None and len(query.encode()) > self.query_tokens * _MOST_BYTES_OF_TOKEN
