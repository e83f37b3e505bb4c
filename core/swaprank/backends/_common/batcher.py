"""Dynamic batching: concurrent calls on one local model become one batch."""

from __future__ import annotations

import itertools
import os
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar, cast

from ...errors import BackendError, SwaprankError
from ...requests import Request, Response
from .attempts import waiting_since

T = TypeVar("T")
Responses = Sequence[Response | SwaprankError]


class Model(Protocol):
    """What a batcher stands in front of."""

    def run(self, requests: Sequence[Request]) -> Responses:
        """Answer all requests, in order; only ever called by one thread at a time."""


Batched = TypeVar("Batched", bound=Model)


@dataclass(frozen=True, slots=True)
class _Caller:
    requests: Sequence[Request]
    future: Future[Responses] = field(default_factory=Future)
    since: float = field(default_factory=time.monotonic)


class DynamicBatcher(Generic[Batched]):
    """One worker in front of a model: what was asked while it was busy is its next batch, in the order of coming.

    Safe to use from many threads and event loops, and after a fork.

    Args:
        model: Answers requests.
        window: Seconds the worker waits for more before it takes a batch; only while callers come in crowds, so
            that a lone caller never waits.
        most: A batch takes no further caller once it has so many requests. Larger ones gain nothing, and all of
            their callers would wait for the last.
    """

    def __init__(self, model: Batched, window: float, most: int = 256) -> None:
        self.model = model
        self._window = window
        self._most = most
        self._renew()
        _batchers.add(cast("DynamicBatcher[Model]", self))

    def _renew(self) -> None:
        """Start without callers and without a thread, as after a fork, where the parent's are gone."""
        self._lock = threading.Lock()
        self._callers: list[_Caller] = []
        self._crowded = False
        self._worker: ThreadPoolExecutor | None = None

    def submit(self, requests: Sequence[Request]) -> Future[Responses]:
        """The future responses; one that is cancelled before its batch begins costs nothing."""
        caller = _Caller(requests)
        with self._lock:
            worker = self._thread()
            try:
                self._callers.append(caller)
                if len(self._callers) == 1:
                    worker.submit(self._serve)
            except BaseException as error:
                # The system gives no thread, the process ends, or this thread is interrupted: nobody would be served.
                self._callers = [other for other in self._callers if other is not caller]
                if not isinstance(error, Exception):
                    raise
                caller.future.set_exception(error)
        return caller.future

    def call(self, work: Callable[[Batched], T]) -> Future[T]:
        """What the work makes of the model, between two batches; one that is cancelled before it begins is not done."""
        since = time.monotonic()

        def done() -> T:
            waiting_since.set(since)
            return work(self.model)

        with self._lock:
            return self._thread().submit(done)

    def _thread(self) -> ThreadPoolExecutor:
        if self._worker is None:
            self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="swaprank")
        return self._worker

    def _serve(self) -> None:
        """Answer those who have waited longest."""
        if self._crowded:
            time.sleep(self._window)
        with self._lock:
            waiting = self._taken()
            left = self._continued()
        for caller in left:
            if caller.future.set_running_or_notify_cancel():
                caller.future.set_exception(BackendError("The program ends before the model answers."))
        callers = [caller for caller in waiting if caller.future.set_running_or_notify_cancel()]
        self._crowded = len(callers) > 1
        if self._answer(callers):
            return
        # Whoever caused the failure must not cost the others their answers.
        for caller in callers:
            self._answer([caller])

    def _taken(self) -> list[_Caller]:
        """Callers for one batch, taken off the queue; a large one is not split."""
        sizes = itertools.accumulate(len(caller.requests) for caller in self._callers)
        count = next((place for place, size in enumerate(sizes, start=1) if size >= self._most), len(self._callers))
        taken, self._callers = self._callers[:count], self._callers[count:]
        return taken

    def _continued(self) -> list[_Caller]:
        """Line the rest up behind other work; callers that cannot be, for the program ends, are taken off the queue."""
        if self._callers:
            try:
                self._thread().submit(self._serve)
            except RuntimeError:
                left, self._callers = self._callers, []
                return left
        return []

    def _answer(self, callers: Sequence[_Caller]) -> bool:
        """Answer callers with one batch; False where it failed and each may still be answered alone."""
        if not callers:
            return True
        waiting_since.set(min(caller.since for caller in callers))
        try:
            responses = self.model.run([request for caller in callers for request in caller.requests])
            ends = list(itertools.accumulate(len(caller.requests) for caller in callers))
            shares = [responses[start:end] for start, end in zip([0, *ends], ends, strict=False)]
        except BaseException as error:
            # Everything is caught, as nothing else would wake the callers: a panic in a tokenizer is no `Exception`.
            if len(callers) > 1:
                return False
            callers[0].future.set_exception(_failure(error))
            return True
        for caller, share in zip(callers, shares, strict=True):
            caller.future.set_result(share)
        return True


def _failure(error: BaseException) -> BaseException:
    """The error for a caller: what would end its thread or task without ending the program becomes a `BackendError`."""
    if isinstance(error, Exception | KeyboardInterrupt | SystemExit):
        return error
    failure = BackendError(f"The model failed: {type(error).__name__}: {error}", retryable=True)
    failure.__cause__ = error
    return failure


_batchers: weakref.WeakSet[DynamicBatcher[Model]] = weakref.WeakSet()


def _after_fork() -> None:
    for batcher in list(_batchers):
        batcher._renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
