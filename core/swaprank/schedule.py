"""Driving flows: which questions go to which backend when, for any number of flows side by side.

`drive` and `adrive` share one `_Desk`, which knows no thread and no event loop. A backend that takes one
batch at a time (a local model) gets everything that waits for it as one batch, whenever it is free. One that
takes more (a server, a framework's LLM) gets each flow's questions as a batch of their own, so that a slow
answer holds only its own flow.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import itertools
import math
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from .backend import Backend, awaited_until, batches_at_once
from .errors import BackendError, BackendTimeoutError, ResponseError, SwaprankError
from .flow import Answer, Ask, Flow
from .requests import ANSWERS, Request, Response

T = TypeVar("T")


def drive(flows: Sequence[Flow[T]]) -> list[T]:
    """Run flows to their ends, blocking; the results come in the given order.

    Batches of servers and batches with a deadline run in threads of their own, local models in this thread.

    Raises:
        SwaprankError: A flow failed; the others are given up.
    """
    desk = _Desk(flows)
    done: queue.SimpleQueue[tuple[_Batch, _Outcome]] = queue.SimpleQueue()
    while not desk.finished:
        alone = desk.idle
        batches = desk.due()
        alone = alone and len(batches) == 1
        here = [batch for batch in batches if batch.deadline == math.inf and (alone or batch.local)]
        for batch in batches:
            if batch not in here:
                work = functools.partial(_run_into, done, batch)
                context = contextvars.copy_context()
                threading.Thread(target=context.run, args=(work,), name="swaprank-batch", daemon=True).start()
        for batch in here:
            desk.settle(batch, _run(batch))
        if here or desk.finished:
            continue
        with contextlib.suppress(queue.Empty):
            desk.settle(*done.get(timeout=desk.patience()))
    return desk.collected


async def adrive(flows: Sequence[Flow[T]]) -> list[T]:
    """As `drive`, without blocking the event loop; batches that nobody waits for any more are cancelled."""
    desk = _Desk(flows)
    running: dict[asyncio.Task[_Outcome], _Batch] = {}
    try:
        while not desk.finished:
            running.update({asyncio.create_task(_arun(batch)): batch for batch in desk.due()})
            for task in [task for task, batch in running.items() if not batch.awaited]:
                running.pop(task)
                task.cancel()
            if desk.finished:
                break
            if not running:
                await asyncio.sleep(desk.patience() or 0)
                continue
            done, _ = await asyncio.wait(running, timeout=desk.patience(), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                desk.settle(running.pop(task), task.result())
    finally:
        for task in running:
            task.cancel()
    return desk.collected


@dataclass(eq=False, slots=True)
class _Turn:
    """What one flow has asked and waits for."""

    flow: int
    asks: list[Ask]
    answers: list[Answer | SwaprankError | None]

    @property
    def collected(self) -> list[Answer | SwaprankError]:
        return [answer for answer in self.answers if answer is not None]


@dataclass(frozen=True, slots=True)
class _Place:
    """One ask of a turn."""

    turn: _Turn
    position: int

    @property
    def ask(self) -> Ask:
        return self.turn.asks[self.position]

    @property
    def open(self) -> bool:
        return self.turn.answers[self.position] is None


@dataclass(frozen=True, eq=False, slots=True)
class _Batch:
    """Requests that go to a backend in one call."""

    backend: Backend
    places: list[_Place]
    requests: list[Request]

    @property
    def local(self) -> bool:
        return batches_at_once(self.backend) == 1

    @property
    def deadline(self) -> float:
        return min(place.ask.deadline for place in self.places)

    @property
    def awaited(self) -> bool:
        return any(place.open for place in self.places)


@dataclass(frozen=True, slots=True)
class _Batched:
    """What a batch came to: a response or an error per request, and the wall time."""

    responses: Sequence[Response | SwaprankError]
    seconds: float


_Outcome = _Batched | SwaprankError


class _Desk(Generic[T]):
    """Advances flows as their answers come, and says what is to be asked next."""

    def __init__(self, flows: Sequence[Flow[T]]) -> None:
        self._flows = flows
        self._results: dict[int, T] = {}
        self._waiting: dict[int, list[list[_Place]]] = {}
        self._running: list[_Batch] = []
        for flow in range(len(flows)):
            self._advance(flow, None)

    @property
    def finished(self) -> bool:
        return len(self._results) == len(self._flows)

    @property
    def idle(self) -> bool:
        return not self._running

    @property
    def collected(self) -> list[T]:
        return [self._results[flow] for flow in range(len(self._flows))]

    def due(self) -> list[_Batch]:
        """The batches to run now; they count as running until they are settled or given up."""
        now = time.monotonic()
        self._expire(now)
        batches: list[_Batch] = []
        for key, line in self._waiting.items():
            ready = [places for places in line if places[0].ask.earliest <= now]
            if not ready:
                continue
            backend = ready[0][0].ask.backend
            at_once = batches_at_once(backend)
            free = at_once - sum(batch.backend is backend for batch in self._running)
            if free <= 0:
                continue
            if at_once == 1:
                ready = [list(itertools.chain.from_iterable(ready))]
            batches += [_batch(backend, places) for places in ready[:free]]
            self._waiting[key] = ready[free:] + [places for places in line if places[0].ask.earliest > now]
        self._running += batches
        return batches

    def patience(self) -> float | None:
        """Seconds until something is due without any batch having ended; None for never."""
        asks = [place.ask for line in self._waiting.values() for places in line for place in places]
        now = time.monotonic()
        moments = [ask.earliest for ask in asks if ask.earliest > now]
        moments += [ask.deadline for ask in asks]
        moments += [place.ask.deadline for batch in self._running for place in batch.places if place.open]
        first = min(moments, default=math.inf)
        return None if first == math.inf else max(first - now, 0.0)

    def settle(self, batch: _Batch, outcome: _Outcome) -> None:
        """Take in what a batch came to, and advance the flows that waited for nothing else."""
        if batch in self._running:
            self._running.remove(batch)
        for place, answer in zip(batch.places, _cut(outcome, batch), strict=True):
            self._answer(place, answer)

    def _expire(self, now: float) -> None:
        """Answer asks whose deadline has passed with an error, and give up batches nobody waits for any more."""
        late = [place for batch in self._running for place in batch.places if place.ask.deadline <= now]
        for key, line in self._waiting.items():
            late += [place for places in line for place in places if place.ask.deadline <= now]
            self._waiting[key] = [places for places in line if places[0].ask.deadline > now]
        for place in late:
            self._answer(place, _too_late(place.ask.backend))
        self._running = [batch for batch in self._running if batch.awaited]

    def _answer(self, place: _Place, answer: Answer | SwaprankError) -> None:
        turn = place.turn
        if not place.open:
            return
        turn.answers[place.position] = answer
        if None not in turn.answers:
            self._advance(turn.flow, turn.collected)

    def _advance(self, flow: int, answers: list[Answer | SwaprankError] | None) -> None:
        """Send a flow its answers, and line up what it asks next; an ask for nothing is answered at once."""
        while True:
            try:
                asks = next(self._flows[flow]) if answers is None else self._flows[flow].send(answers)
            except StopIteration as stop:
                self._results[flow] = stop.value
                return
            turn = _Turn(flow, asks, [None if ask.requests else Answer((), 0.0) for ask in asks])
            if None in turn.answers:
                break
            answers = turn.collected
        lines: dict[tuple[int, float, float], list[_Place]] = {}
        for position, ask in enumerate(asks):
            if ask.requests:
                key = (id(ask.backend), ask.earliest, ask.deadline)
                lines.setdefault(key, []).append(_Place(turn, position))
        for (backend, _, _), places in lines.items():
            self._waiting.setdefault(backend, []).append(places)


def _batch(backend: Backend, places: list[_Place]) -> _Batch:
    return _Batch(backend, places, [request for place in places for request in place.ask.requests])


def _run(batch: _Batch) -> _Outcome:
    started = time.perf_counter()
    try:
        responses = batch.backend.run(batch.requests)
    except Exception as error:
        # What is given up at the deadline fails in many ways.
        late = time.monotonic() >= batch.deadline
        return _too_late(batch.backend) if late else _as_backend_error(error, batch.backend)
    return _checked(responses, batch, started)


def _run_into(done: queue.SimpleQueue[tuple[_Batch, _Outcome]], batch: _Batch) -> None:
    awaited_until.set(batch.deadline)
    done.put((batch, _run(batch)))


async def _arun(batch: _Batch) -> _Outcome:
    awaited_until.set(batch.deadline)
    started = time.perf_counter()
    try:
        responses = await batch.backend.arun(batch.requests)
    except Exception as error:
        return _as_backend_error(error, batch.backend)
    return _checked(responses, batch, started)


def _as_backend_error(error: Exception, backend: Backend) -> SwaprankError:
    """Whatever a backend raises reaches the flow as part of the tree, with its cause kept."""
    if isinstance(error, SwaprankError):
        return error
    message = f"The {backend.name} backend failed: {type(error).__name__}: {error}"
    wrapped = BackendError(message, retryable=True)  # nobody knows, so whoever wants retries gets them
    wrapped.__cause__ = error
    return wrapped


def _too_late(backend: Backend) -> BackendTimeoutError:
    """The error of a deadline; it names what did not answer, and why not, as far as the backend tells."""
    where, trouble = getattr(backend, "address", "") or backend.model, getattr(backend, "trouble", "")
    message = f"The {backend.name} backend{where and f' ({where})'} did not answer within the timeout."
    return BackendTimeoutError(
        f"{message} Before: {trouble}" if trouble else message,
        hint="Set a larger timeout: it is that of the whole stage, repetitions included.",
    )


def _checked(responses: Sequence[Response | SwaprankError], batch: _Batch, started: float) -> _Outcome:
    backend, requests = batch.backend.name, batch.requests
    if len(responses) != len(requests):
        return ResponseError(f"The {backend} backend returned {len(responses)} responses for {len(requests)} requests.")
    for request, response in zip(requests, responses, strict=True):
        if not isinstance(response, (ANSWERS[type(request)], SwaprankError)):
            return ResponseError(
                f"The {backend} backend answered a {type(request).__name__} request with a "
                f"{type(response).__name__}, not a {ANSWERS[type(request)].__name__}."
            )
    return _Batched(responses, time.perf_counter() - started)


def _cut(outcome: _Outcome, batch: _Batch) -> list[Answer | SwaprankError]:
    """A batch's outcome as one answer per ask: its first error, where a request of it could not be answered."""
    if isinstance(outcome, SwaprankError):
        return [outcome] * len(batch.places)
    per_request = outcome.seconds / len(outcome.responses)
    responses = iter(outcome.responses)
    answers: list[Answer | SwaprankError] = []
    for place in batch.places:
        own = list(itertools.islice(responses, len(place.ask.requests)))
        errors = [response for response in own if isinstance(response, SwaprankError)]
        answered = tuple(response for response in own if not isinstance(response, SwaprankError))
        answers.append(errors[0] if errors else Answer(answered, per_request * len(answered)))
    return answers
