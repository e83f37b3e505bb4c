"""Equal requests are answered once."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Generic, TypeVar

from ...requests import Generate, Request

RequestKind = TypeVar("RequestKind", bound=Request)
Answered = TypeVar("Answered")


class Distinct(Generic[RequestKind]):
    """The different ones among some requests; those that are sampled are all different.

    Attributes:
        requests: Each different request once, in the order of its first place.
    """

    def __init__(self, requests: Sequence[RequestKind]) -> None:
        self._keys: list[Hashable] = [
            place if isinstance(request, Generate) and request.is_sampled else request
            for place, request in enumerate(requests)
        ]
        first: dict[Hashable, RequestKind] = {}
        for key, request in zip(self._keys, requests, strict=True):
            first.setdefault(key, request)
        self.requests = list(first.values())
        self._places = {key: place for place, key in enumerate(first)}

    def spread(self, answers: Sequence[Answered] | Mapping[int, Answered]) -> list[Answered]:
        """One answer per request that was given, from one per distinct request."""
        return [answers[self._places[key]] for key in self._keys]
