"""The scheduler: whose questions wait for which backend, what is to be asked next, and whom an answer sets going.

It knows no thread and no event loop; `drivers.py` drives it with either.
"""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ..backend import Backend, batches_at_once
from ..errors import BackendTimeoutError, SwaprankError
from ..requests import Request, Response
from .flow import Answer, Ask, Flow, advance

T = TypeVar("T")


@dataclass(eq=False, slots=True)
class _Pending:
    """What one flow has asked and waits for."""

    flow: int
    asks: list[Ask]
    answers: list[Answer | SwaprankError | None]

    @property
    def collected(self) -> list[Answer | SwaprankError]:
        return [answer for answer in self.answers if answer is not None]


@dataclass(frozen=True, slots=True)
class _PendingAsk:
    """One ask of them."""

    pending: _Pending
    position: int

    @property
    def ask(self) -> Ask:
        return self.pending.asks[self.position]

    @property
    def open(self) -> bool:
        return self.pending.answers[self.position] is None


@dataclass(frozen=True, eq=False, slots=True)
class Batch:
    """Requests that go to a backend in one call."""

    backend: Backend
    places: list[_PendingAsk]
    requests: list[Request]

    @property
    def local(self) -> bool:
        """Whether the backend takes one batch at a time."""
        return batches_at_once(self.backend) == 1

    @property
    def deadline(self) -> float:
        """The first moment after which one of its asks is too late."""
        return min(place.ask.deadline for place in self.places)

    @property
    def awaited(self) -> bool:
        """Whether any of its asks is still to be answered."""
        return any(place.open for place in self.places)


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What a batch came to: a response or an error per request, and the wall time."""

    responses: Sequence[Response | SwaprankError]
    seconds: float


BatchOutcome = BatchResult | SwaprankError


class Scheduler(Generic[T]):
    """Advances flows as their answers come, and says what is to be asked next."""

    def __init__(self, flows: Sequence[Flow[T]]) -> None:
        self._flows = flows
        self._results: dict[int, T] = {}
        self._waiting: dict[int, list[list[_PendingAsk]]] = {}
        self._running: list[Batch] = []
        for flow in range(len(flows)):
            self._advance(flow, None)

    @property
    def finished(self) -> bool:
        """Whether all flows have come to their ends."""
        return len(self._results) == len(self._flows)

    @property
    def idle(self) -> bool:
        """Whether no batch is running."""
        return not self._running

    @property
    def collected(self) -> list[T]:
        """The results of the flows, once all are finished."""
        return [self._results[flow] for flow in range(len(self._flows))]

    def due(self) -> list[Batch]:
        """The batches to run now; they count as running until they are settled or given up."""
        now = time.monotonic()
        self._expire(now)
        batches: list[Batch] = []
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
        return None if first == math.inf else min(max(first - now, 0.0), threading.TIMEOUT_MAX)

    def settle(self, batch: Batch, outcome: BatchOutcome) -> None:
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
            self._answer(place, too_late(place.ask.backend))
        self._running = [batch for batch in self._running if batch.awaited]

    def _answer(self, place: _PendingAsk, answer: Answer | SwaprankError) -> None:
        pending = place.pending
        if not place.open:
            return
        pending.answers[place.position] = answer
        if None not in pending.answers:
            self._advance(pending.flow, pending.collected)

    def _advance(self, flow: int, answers: list[Answer | SwaprankError] | None) -> None:
        """Send a flow its answers, and line up what it asks next; an ask for nothing is answered at once."""
        while True:
            try:
                asks = advance(self._flows[flow], answers)
            except StopIteration as stop:
                self._results[flow] = stop.value
                return
            pending = _Pending(flow, asks, [None if ask.requests else Answer((), 0.0) for ask in asks])
            if None in pending.answers:
                break
            answers = pending.collected
        lines: dict[tuple[int, float, float], list[_PendingAsk]] = {}
        for position, ask in enumerate(asks):
            if ask.requests:
                key = (id(ask.backend), ask.earliest, ask.deadline)
                lines.setdefault(key, []).append(_PendingAsk(pending, position))
        for (backend, _, _), places in lines.items():
            self._waiting.setdefault(backend, []).append(places)


def _batch(backend: Backend, places: list[_PendingAsk]) -> Batch:
    return Batch(backend, places, [request for place in places for request in place.ask.requests])


def too_late(backend: Backend) -> BackendTimeoutError:
    """The error of a deadline; it names what did not answer, and why not, as far as the backend tells."""
    where, trouble = getattr(backend, "address", "") or backend.model, getattr(backend, "trouble", "")
    message = f"The {backend.name} backend{where and f' ({where})'} did not answer within the timeout."
    return BackendTimeoutError(
        f"{message} Before: {trouble}" if trouble else message,
        hint="Set a larger timeout: it is that of the whole stage, repetitions included.",
    )


def _cut(outcome: BatchOutcome, batch: Batch) -> list[Answer | SwaprankError]:
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
