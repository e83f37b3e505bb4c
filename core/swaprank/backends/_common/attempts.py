"""Failed loads, remembered for a while: whoever asks meanwhile is told at once, and nobody waits for the same again."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Hashable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

from ...errors import BackendError, SwaprankError

# The moment of `time.monotonic` since which the first of those waits who are being answered.
waiting_since: ContextVar[float] = ContextVar("swaprank_waiting_since", default=float("inf"))

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Failure:
    error: SwaprankError
    at: float


class Attempts:
    """Tries what may fail for all who want it; for one thread.

    Args:
        patience: Seconds for which a failure stands for all further tries. Whoever waited while it failed shares it
            in any case.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._failures: dict[Hashable, _Failure] = {}

    def attempt(self, key: Hashable, work: Callable[[], T], *, again: bool = False) -> T:
        """What the work returns.

        Args:
            key: What it is for; equal keys share a failure.
            work: What may fail.
            again: Whether it is tried although it has just failed; not for those who waited while it did.

        Raises:
            Exception: The work failed, now or a while ago; an error of a while ago says so.
        """
        failure = self._failures.get(key)
        if failure is not None:
            shared = waiting_since.get() <= failure.at
            left = failure.at + self._patience - time.monotonic()
            if shared or (left > 0 and not again):
                raise _repeated(failure, left)
        try:
            done = work()
        except Exception as error:
            self._failures[key] = _Failure(_without_traceback(error), time.monotonic())
            raise
        self._failures.pop(key, None)
        return done

    def forget(self, key: Hashable) -> None:
        """Let the next attempt for this key be made, whatever became of the last."""
        self._failures.pop(key, None)


def _without_traceback(error: Exception) -> SwaprankError:
    """What is kept of an error: not its traceback, whose frames hold whatever was half loaded."""
    if isinstance(error, SwaprankError):
        return copy.copy(error)
    return BackendError(f"The model cannot be loaded: {type(error).__name__}: {error}")


def _repeated(failure: _Failure, left: float) -> SwaprankError:
    """The error of a while ago, as an error of now."""
    told, ago = copy.copy(failure.error), time.monotonic() - failure.at
    if left > 0:
        told.args = (f"{told} (It failed {ago:.0f} s ago; in {left:.0f} s it is tried again, by warm_up() at once.)",)
    return told
