"""Loaded models, shared by every reranker of the process that asks for the same one."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

_models: weakref.WeakValueDictionary[Hashable, Any] = weakref.WeakValueDictionary()
_locks: dict[Hashable, threading.Lock] = {}
_guard = threading.Lock()

Loaded = TypeVar("Loaded")


def shared(key: Hashable, load: Callable[[], Loaded]) -> Loaded:
    """The object loaded under this key; loads it once, even when several threads ask at the same time.

    The object is dropped when no reranker holds it any more.
    """
    with _guard:
        lock = _locks.setdefault(key, threading.Lock())
    with lock:
        found: Loaded | None = _models.get(key)
        if found is None:
            found = load()
            _models[key] = found
        return found


# What a forked child has of its parent. It may have been in the middle of something, so the child loads for itself. It
# is kept for ever: to destroy it could free what the parent still has, such as engine processes.
_inherited: list[Any] = []


def _after_fork() -> None:
    global _models, _locks, _guard
    _inherited.extend(_models.values())
    _models, _locks, _guard = weakref.WeakValueDictionary(), {}, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
