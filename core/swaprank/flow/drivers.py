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
import threading
import time
from collections.abc import Sequence
from typing import TypeVar

from ..backend import Backend, awaited_until
from ..errors import BackendError, ResponseError, SwaprankError
from ..requests import ANSWERS, Response
from .flow import Flow
from .scheduler import Batch, BatchOutcome, BatchResult, Scheduler, too_late

T = TypeVar("T")


def drive(flows: Sequence[Flow[T]]) -> list[T]:
    """Run flows to their ends, blocking; the results come in the given order.

    Batches of servers and batches with a deadline run in threads of their own, local models in this thread.

    Raises:
        SwaprankError: A flow failed; the others are given up.
    """
    scheduler = Scheduler(flows)
    done: queue.SimpleQueue[tuple[Batch, BatchOutcome]] = queue.SimpleQueue()
    while not scheduler.finished:
        alone = scheduler.idle
        batches = scheduler.due()
        alone = alone and len(batches) == 1
        here = [batch for batch in batches if batch.deadline == math.inf and (alone or batch.local)]
        for batch in batches:
            if batch not in here:
                work = functools.partial(_run_into, done, batch)
                context = contextvars.copy_context()
                threading.Thread(target=context.run, args=(work,), name="swaprank-batch", daemon=True).start()
        for batch in here:
            scheduler.settle(batch, _run(batch))
        if here or scheduler.finished:
            continue
        with contextlib.suppress(queue.Empty):
            scheduler.settle(*done.get(timeout=scheduler.patience()))
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


def _run(batch: Batch) -> BatchOutcome:
    started = time.perf_counter()
    try:
        responses = batch.backend.run(batch.requests)
    except Exception as error:
        # What is given up at the deadline fails in many ways.
        late = time.monotonic() >= batch.deadline
        return too_late(batch.backend) if late else _as_backend_error(error, batch.backend)
    return _checked(responses, batch, started)


def _run_into(done: queue.SimpleQueue[tuple[Batch, BatchOutcome]], batch: Batch) -> None:
    awaited_until.set(batch.deadline)
    done.put((batch, _run(batch)))


async def _arun(batch: Batch) -> BatchOutcome:
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


def _checked(responses: Sequence[Response | SwaprankError], batch: Batch, started: float) -> BatchOutcome:
    backend, requests = batch.backend.name, batch.requests
    if len(responses) != len(requests):
        return ResponseError(f"The {backend} backend returned {len(responses)} responses for {len(requests)} requests.")
    for request, response in zip(requests, responses, strict=True):
        if not isinstance(response, (ANSWERS[type(request)], SwaprankError)):
            return ResponseError(
                f"The {backend} backend answered a {type(request).__name__} request with a "
                f"{type(response).__name__}, not a {ANSWERS[type(request)].__name__}."
            )
    return BatchResult(responses, time.perf_counter() - started)
