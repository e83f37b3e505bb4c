"""The contract of what keeps answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol


class Store(Protocol):
    """Keeps bytes under keys, up to a limit; safe to use from many threads. It never raises: at worst it forgets."""

    def get(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """What is kept under these keys; they count as used now."""
        ...

    def put(self, entries: Mapping[bytes, bytes]) -> None:
        """Keep these; what was not used for the longest time goes, where there is no more room."""
        ...

    def close(self) -> None:
        """Let go of memory and files; the next use opens them again."""
        ...
