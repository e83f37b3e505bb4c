"""Flows: reranking logic as generators that never call a model themselves.

A flow yields the questions it has (`Ask`s, each for one backend) and is sent the answers. Written once,
it is driven synchronously (`drive`), asynchronously (`adrive`) and many at a time (`together`); the
idea is that of httpx's auth flow. Merging many flows merges their questions: each backend gets one
batch per round, however many queries, groups or fusion branches are waiting for it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from .backend import Backend
from .errors import BackendError, ResponseError, SwaprankError
from .requests import ANSWERS, Request, Response


@dataclass(frozen=True, slots=True)
class Ask:
    """Requests for one backend."""

    backend: Backend
    requests: tuple[Request, ...]


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


def drive(flow: Flow[T]) -> T:
    """Run a flow to its end, calling backends synchronously."""
    try:
        asks = next(flow)
        while True:
            answers: list[Answer | SwaprankError] = [BackendError("not asked")] * len(asks)
            for positions, backend, requests in _batches(asks):
                _deliver(_run(backend, requests), positions, asks, answers)
            asks = flow.send(answers)
    except StopIteration as stop:
        result: T = stop.value
        return result


async def adrive(flow: Flow[T]) -> T:
    """Run a flow to its end, awaiting all backends of a round together."""
    try:
        asks = next(flow)
        while True:
            answers: list[Answer | SwaprankError] = [BackendError("not asked")] * len(asks)
            batches = _batches(asks)
            done = await asyncio.gather(*(_arun(backend, requests) for _, backend, requests in batches))
            for outcome, (positions, _, _) in zip(done, batches, strict=True):
                _deliver(outcome, positions, asks, answers)
            asks = flow.send(answers)
    except StopIteration as stop:
        result: T = stop.value
        return result


_Batch = tuple[list[int], Backend, list[Request]]


@dataclass(frozen=True, slots=True)
class _Batched:
    """What a batch came to: a response or an error per request, and the wall time."""

    responses: Sequence[Response | SwaprankError]
    seconds: float


_Outcome = _Batched | SwaprankError


def _batches(asks: Sequence[Ask]) -> list[_Batch]:
    """Collect the asks by backend, keeping which ask each request came from."""
    batches: dict[int, _Batch] = {}
    for position, one in enumerate(asks):
        positions, _, requests = batches.setdefault(id(one.backend), ([], one.backend, []))
        positions.append(position)
        requests.extend(one.requests)
    return list(batches.values())


def _run(backend: Backend, requests: list[Request]) -> _Outcome:
    started = time.perf_counter()
    try:
        responses = backend.run(requests) if requests else []
    except Exception as error:
        return _as_backend_error(error, backend)
    return _checked(responses, requests, backend, started)


async def _arun(backend: Backend, requests: list[Request]) -> _Outcome:
    started = time.perf_counter()
    try:
        responses = await backend.arun(requests) if requests else []
    except Exception as error:
        return _as_backend_error(error, backend)
    return _checked(responses, requests, backend, started)


def _as_backend_error(error: Exception, backend: Backend) -> SwaprankError:
    """Whatever a backend raises reaches the flow as part of the tree, with its cause kept."""
    if isinstance(error, SwaprankError):
        return error
    wrapped = BackendError(f"The {backend.name} backend failed: {type(error).__name__}: {error}")
    wrapped.__cause__ = error
    return wrapped


def _checked(
    responses: Sequence[Response | SwaprankError], requests: list[Request], backend: Backend, started: float
) -> _Outcome:
    if len(responses) != len(requests):
        return ResponseError(
            f"The {backend.name} backend returned {len(responses)} responses for {len(requests)} requests."
        )
    for request, response in zip(requests, responses, strict=True):
        if not isinstance(response, (ANSWERS[type(request)], SwaprankError)):
            return ResponseError(
                f"The {backend.name} backend answered a {type(request).__name__} request with a "
                f"{type(response).__name__}, not a {ANSWERS[type(request)].__name__}."
            )
    return _Batched(responses, time.perf_counter() - started)


def _deliver(
    outcome: _Outcome, positions: list[int], asks: Sequence[Ask], answers: list[Answer | SwaprankError]
) -> None:
    """Cut a batch's outcome back into one answer per ask."""
    if isinstance(outcome, SwaprankError):
        for position in positions:
            answers[position] = outcome
        return
    per_request = outcome.seconds / max(len(outcome.responses), 1)
    start = 0
    for position in positions:
        count = len(asks[position].requests)
        answers[position] = _answer(outcome.responses[start : start + count], per_request * count)
        start += count


def _answer(responses: Sequence[Response | SwaprankError], seconds: float) -> Answer | SwaprankError:
    """The answer to one ask: its first error, where a request of it could not be answered."""
    answered: list[Response] = []
    for response in responses:
        if isinstance(response, SwaprankError):
            return response
        answered.append(response)
    return Answer(tuple(answered), seconds)
