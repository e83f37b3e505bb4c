"""Several servers of one model: which one takes the next request."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager


class Replicas:
    """Least busy first, in turn where they are equally busy; one that failed rests for a while.

    Args:
        urls: The servers, at least one.
        clock: Seconds that only grow.
    """

    def __init__(self, urls: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._urls = tuple(urls)
        self._clock = clock
        self._busy = dict.fromkeys(self._urls, 0)
        self._resting = dict.fromkeys(self._urls, float("-inf"))
        self._last = dict.fromkeys(self._urls, 0)
        self._troubles: dict[str, str] = {}
        self._turns = itertools.count(1)
        self._lock = threading.Lock()

    @contextmanager
    def one(self) -> Iterator[str]:
        """The server for one request; if all are resting, the one that may wake first."""
        with self._lock:
            now = self._clock()
            url = min(self._urls, key=lambda one: (max(self._resting[one], now), self._busy[one], self._last[one]))
            self._busy[url] += 1
            self._last[url] = next(self._turns)
        try:
            yield url
        finally:
            with self._lock:
                self._busy[url] -= 1

    def rest(self, url: str, seconds: float, why: str) -> None:
        """Leave a server alone for a while."""
        with self._lock:
            self._resting[url] = max(self._resting[url], self._clock() + seconds)
            self._troubles[url] = why

    def well(self, url: str) -> None:
        """A server has answered."""
        with self._lock:
            self._resting[url] = float("-inf")
            self._troubles.pop(url, None)

    @property
    def trouble(self) -> str:
        """Why servers failed that have not answered since; empty where all have."""
        with self._lock:
            return " ".join(self._troubles.values())

    @property
    def spare(self) -> bool:
        """Whether another server can take what one has failed at."""
        with self._lock:
            return len(self._urls) > 1 and min(self._resting.values()) <= self._clock()
