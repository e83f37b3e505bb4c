"""Daemon threads for calls that block: when callers give up, only so many of their calls go on.

A call that runs in a thread cannot be stopped. A backend slower than the patience of its callers would gather a thread
for each question that was given up. So calls with a deadline wait for a place while `MOST_ABANDONED` calls of the same
backend run for nobody; those whose callers give up meanwhile are never begun.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..backend import Backend

MOST_ABANDONED = 16

T = TypeVar("T")
Work = tuple["Future[Any]", Callable[[], Any]]


def start(backend: Backend, call: Callable[[], T], *, may_wait: bool) -> Future[T]:
    """Run a call to a backend in a thread of its own.

    Args:
        backend: What is called.
        call: Blocks until its result is there.
        may_wait: Whether the call waits for a place while too many abandoned ones run; for calls with a deadline.

    Returns:
        The future result; it holds the error where no thread could be started.
    """
    future: Future[T] = Future()
    with _lock:
        calls = _calls.setdefault(id(backend), _Calls(backend))
        if may_wait and len(calls.abandoned) >= MOST_ABANDONED:
            calls.waiting.append((future, call))
            return future
        calls.threads += 1
    thread = threading.Thread(target=_run, args=(calls, (future, call)), name="swaprank-batch", daemon=True)
    try:
        thread.start()
    except RuntimeError as error:  # the system gives no more threads
        _next(calls, future)
        future.set_exception(error)
    return future


def abandon(backend: Backend, future: Future[Any]) -> None:
    """Say that nobody waits for a call any more: it is not begun, or else counted until it ends."""
    begun = not future.cancel()
    with _lock:
        calls = _calls.get(id(backend))
        if calls is None:
            return
        if begun and not future.done():
            calls.abandoned.add(future)
        calls.waiting = deque(work for work in calls.waiting if work[0] is not future)


@dataclass(eq=False, slots=True)
class _Calls:
    """The calls to one backend, which is held so that its id stays its own."""

    backend: Backend
    threads: int = 0
    abandoned: set[Future[Any]] = field(default_factory=set)
    waiting: deque[Work] = field(default_factory=deque)


_calls: dict[int, _Calls] = {}
_lock = threading.Lock()


def _run(calls: _Calls, work: Work | None) -> None:
    while work is not None:
        future, call = work
        if future.set_running_or_notify_cancel():
            try:
                result = call()
            except BaseException as error:
                # Raised again in the thread that takes the result.
                future.set_exception(error)
            else:
                future.set_result(result)
        work = _next(calls, future)


def _next(calls: _Calls, ended: Future[Any]) -> Work | None:
    """What the thread of an ended call does next; None ends it."""
    with _lock:
        calls.abandoned.discard(ended)
        if calls.waiting and len(calls.abandoned) < MOST_ABANDONED:
            return calls.waiting.popleft()
        calls.threads -= 1
        if not calls.threads and not calls.waiting:
            _calls.pop(id(calls.backend), None)
        return None


def _after_fork() -> None:
    global _calls, _lock
    _calls, _lock = {}, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
