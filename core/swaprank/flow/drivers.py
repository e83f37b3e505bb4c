"""Driving flows: which questions go to which backend when, for any number of flows side by side.

`drive` and `adrive` share one `Scheduler`. A backend that takes one batch at a time (a local model) gets everything
that waits for it as one batch, whenever it is free. One that takes more (a server, a framework's LLM) gets each flow's
questions as a batch of their own, so that a slow answer holds only its own flow.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import math
import queue
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TypeVar

from ..backend import LocalBackend, awaited_until
from ..errors import BackendError, ResponseError, SwaprankError
from ..requests import Response
from . import threads
from .flow import Flow
from .scheduler import Batch, BatchOutcome, BatchResult, Scheduler, too_late

T = TypeVar("T")
Responses = Sequence[Response | SwaprankError]


def drive(flows: Sequence[Flow[T]]) -> list[T]:
    """Run flows to their ends, blocking; the results come in the given order.

    Batches of servers and batches with a deadline run in other threads, local models in this thread. Batches that
    nobody waits for any more are cancelled where they have not begun.

    Raises:
        SwaprankError: A flow failed; the others are given up.
    """
    scheduler = Scheduler(flows)
    running: dict[Batch, tuple[Future[Responses], float]] = {}
    done: queue.SimpleQueue[Batch] = queue.SimpleQueue()
    try:
        while not scheduler.finished:
            alone = scheduler.idle
            batches = scheduler.due()
            alone = alone and len(batches) == 1
            here = [batch for batch in batches if batch.deadline == math.inf and (alone or batch.local)]
            for batch in batches:
                if batch not in here:
                    running[batch] = (future := _start(batch)), time.perf_counter()
                    future.add_done_callback(functools.partial(_put, done, batch))
            for batch in [batch for batch in running if not batch.awaited]:
                threads.abandon(batch.backend, running.pop(batch)[0])
            for batch in here:
                work = functools.partial(batch.backend.run, batch.requests)
                scheduler.settle(batch, _outcome(batch, work, time.perf_counter()))
            if here or scheduler.finished:
                continue
            with contextlib.suppress(queue.Empty):
                batch = done.get(timeout=scheduler.patience())
                if batch in running:
                    future, started = running.pop(batch)
                    scheduler.settle(batch, _outcome(batch, future.result, started))
    finally:
        for batch, (future, _) in running.items():
            threads.abandon(batch.backend, future)
    return scheduler.collected


async def adrive(flows: Sequence[Flow[T]]) -> list[T]:
    """As `drive`, without blocking the event loop; batches that nobody waits for any more are cancelled."""
    scheduler = Scheduler(flows)
    running: dict[asyncio.Task[BatchOutcome], Batch] = {}
    try:
        while not scheduler.finished:
            running.update({asyncio.create_task(_arun(batch)): batch for batch in scheduler.due()})
            for task in [task for task, batch in running.items() if not batch.awaited]:
                running.pop(task)
                task.cancel()
            if scheduler.finished:
                break
            if not running:
                await asyncio.sleep(scheduler.patience() or 0)
                continue
            done, _ = await asyncio.wait(running, timeout=scheduler.patience(), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                scheduler.settle(running.pop(task), task.result())
    finally:
        for task in running:
            task.cancel()
    return scheduler.collected


def _start(batch: Batch) -> Future[Responses]:
    """The future responses to a batch, by the backend's own queue where it has one."""
    if not isinstance(batch.backend, LocalBackend) or not batch.local:
        call = functools.partial(contextvars.copy_context().run, _run_until_deadline, batch)
        return threads.start(batch.backend, call, may_wait=batch.deadline < math.inf)
    try:
        return batch.backend.submit(batch.requests)
    except Exception as error:
        failed: Future[Responses] = Future()
        failed.set_exception(error)
        return failed


def _run_until_deadline(batch: Batch) -> Responses:
    awaited_until.set(batch.deadline)
    return batch.backend.run(batch.requests)


def _put(done: queue.SimpleQueue[Batch], batch: Batch, _: Future[Responses]) -> None:
    done.put(batch)


async def _arun(batch: Batch) -> BatchOutcome:
    awaited_until.set(batch.deadline)
    started = time.perf_counter()
    try:
        responses = await batch.backend.arun(batch.requests)
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        return _failure(error, batch)
    except BaseException as error:
        return _failure(error, batch)
    return _checked(responses, batch, started)


def _outcome(batch: Batch, responses: Callable[[], Responses], started: float) -> BatchOutcome:
    try:
        answered = responses()
    except BaseException as error:
        # What is given up at the deadline fails in many ways.
        late = time.monotonic() >= batch.deadline and isinstance(error, Exception)
        return too_late(batch.backend) if late else _failure(error, batch)
    return _checked(answered, batch, started)


def _failure(error: BaseException, batch: Batch) -> SwaprankError:
    """Whatever a backend raises reaches the flow as part of the tree, with its cause kept.

    Extensions in other languages raise what is not an `Exception`, as the panics of tokenizers. What ends a program
    or a coroutine passes.
    """
    if isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit):
        raise error
    if isinstance(error, SwaprankError):
        return error
    message = f"The {batch.backend.name} backend failed: {type(error).__name__}: {error}"
    wrapped = BackendError(message, retryable=True)  # nobody knows, so whoever wants retries gets them
    wrapped.__cause__ = error
    return wrapped


def _checked(responses: Responses, batch: Batch, started: float) -> BatchOutcome:
    backend, requests = batch.backend.name, batch.requests
    if len(responses) != len(requests):
        return ResponseError(f"The {backend} backend returned {len(responses)} responses for {len(requests)} requests.")
    for request, response in zip(requests, responses, strict=True):
        if not isinstance(response, (request.response, SwaprankError)):
            return ResponseError(
                f"The {backend} backend answered a {type(request).__name__} request with a "
                f"{type(response).__name__}, not a {request.response.__name__}."
            )
    return BatchResult(responses, time.perf_counter() - started)
