"""A cache in the memory of this process."""

from __future__ import annotations

import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterable, Mapping

from .options import Limit

# About what the bookkeeping of an entry takes.
_OVERHEAD = 150


class MemoryStore:
    """Keeps answers as long as it lives.

    Args:
        limit: The most it holds.
    """

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._entries: OrderedDict[bytes, bytes] = OrderedDict()
        self._bytes = 0
        self._renew()
        _stores.add(self)

    def _renew(self) -> None:
        self._lock = threading.Lock()

    def get(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """What is kept under these keys; they count as used now."""
        found: dict[bytes, bytes] = {}
        with self._lock:
            for key in keys:
                value = self._entries.get(key)
                if value is not None:
                    self._entries.move_to_end(key)
                    found[key] = value
        return found

    def put(self, entries: Mapping[bytes, bytes]) -> None:
        """Keep these; what was not used for the longest time goes, where there is no more room."""
        with self._lock:
            for key, value in entries.items():
                self._bytes += _size(key, value) - _size(key, self._entries.pop(key, None))
                self._entries[key] = value
            while self._entries and self._is_too_much():
                key, value = self._entries.popitem(last=False)
                self._bytes -= _size(key, value)

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self._bytes = 0

    def _is_too_much(self) -> bool:
        entries, size = self._limit.entries, self._limit.bytes
        return (entries is not None and len(self._entries) > entries) or (size is not None and self._bytes > size)


def _size(key: bytes, value: bytes | None) -> int:
    return 0 if value is None else len(key) + len(value) + _OVERHEAD


_stores: weakref.WeakSet[MemoryStore] = weakref.WeakSet()


def _after_fork() -> None:
    """A child has the lock of its parent as it was at that moment, which nobody will release."""
    for store in list(_stores):
        store._renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
