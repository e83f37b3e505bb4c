"""An event loop in a thread of its own, for synchronous callers of asynchronous code."""

from __future__ import annotations

import asyncio
import atexit
import math
import os
import threading
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from ...backend import awaited_until
from ...errors import BackendError

T = TypeVar("T")

# Seconds that the end of the process waits for connections to close.
_PATIENCE = 5.0


class EventLoopThread:
    """Runs coroutines on one loop that lives as long as the process, so that connections outlive a call."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="swaprank-http", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine; it is cancelled when the caller is interrupted, or nobody waits any more.

        Raises:
            TimeoutError: Nobody waits any more.
            BackendError: The coroutine raised something that would end the loop for all callers, such as `SystemExit`.
        """
        future = asyncio.run_coroutine_threadsafe(_contained(work), self._loop)
        until = awaited_until.get()
        try:
            return future.result(None if until == math.inf else max(until - time.monotonic(), 0.0))
        finally:
            future.cancel()

    def close(self) -> None:
        """Stop the loop after what its generators have to close."""
        if self._thread.is_alive():
            with suppress(TimeoutError):
                asyncio.run_coroutine_threadsafe(self._loop.shutdown_asyncgens(), self._loop).result(_PATIENCE)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()


async def _contained(work: Coroutine[Any, Any, T]) -> T:
    """The same; what is not an `Exception` becomes one, because the loop is not its to end."""
    try:
        return await work
    except (Exception, asyncio.CancelledError):
        raise
    except BaseException as error:
        raise BackendError(f"A request ended with {type(error).__name__}: {error}") from error


_lock = threading.Lock()
_running: EventLoopThread | None = None


def event_loop_thread() -> EventLoopThread:
    """The one of this process."""
    global _running
    with _lock:
        if _running is None:
            _running = EventLoopThread()
        return _running


def _forget() -> None:
    """A forked child has the object, but not its thread."""
    global _running, _lock
    if _running is not None:
        atexit.unregister(_running.close)
    _running, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
