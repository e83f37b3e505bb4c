"""Flows: reranking logic as generators that never call a model themselves.

A flow yields the questions it has (`Ask`s, each for one backend) and is sent the answers. Written once,
it is driven synchronously, asynchronously and many at a time (`drivers.py`); the idea is that of httpx's
auth flow. Merging many flows (`together`) merges their questions: each backend gets one batch per round,
however many groups or fusion branches are waiting for it.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ..backend import Backend
from ..errors import SwaprankError
from ..requests import Request, Response


@dataclass(frozen=True, slots=True)
class Ask:
    """Requests for one backend.

    Attributes:
        backend: What answers them.
        requests: What is asked; may be empty.
        earliest: Not to be put before this moment of `time.monotonic`.
        deadline: Answered with a `BackendTimeoutError` if nothing else has come by this moment.
    """

    backend: Backend
    requests: tuple[Request, ...]
    earliest: float = -math.inf
    deadline: float = math.inf


@dataclass(frozen=True, slots=True)
class Answer:
    """The responses to one `Ask`, in order, and its share of the wall time of the batch it was in."""

    responses: tuple[Response, ...]
    seconds: float


T = TypeVar("T")
Flow = Generator[list[Ask], "list[Answer | SwaprankError]", T]


def ask(backend: Backend, requests: Sequence[Request]) -> Flow[Answer]:
    """Put requests to a backend from inside a flow.

    Raises:
        SwaprankError: The backend failed; raised here, inside the flow, so that the flow may handle it.
    """
    [answer] = yield [Ask(backend, tuple(requests))]
    if isinstance(answer, SwaprankError):
        raise answer
    return answer


def together(flows: Sequence[Flow[T]]) -> Flow[list[T]]:
    """Run flows side by side as one flow; their questions of a round travel in one list.

    A flow that ends early does not hold the others, and the results come back in the given order.
    """
    results: dict[int, T] = {}
    waiting: dict[int, list[Ask]] = {}

    def advance(index: int, answers: list[Answer | SwaprankError] | None) -> None:
        try:
            flow = flows[index]
            waiting[index] = next(flow) if answers is None else flow.send(answers)
        except StopIteration as stop:
            waiting.pop(index, None)
            results[index] = stop.value

    for index in range(len(flows)):
        advance(index, None)
    while waiting:
        answers = yield [one for asks in waiting.values() for one in asks]
        start = 0
        for index, asks in list(waiting.items()):
            advance(index, answers[start : start + len(asks)])
            start += len(asks)
    return [results[index] for index in range(len(flows))]
