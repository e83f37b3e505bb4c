"""A backend in front of a backend that remembers its answers."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..backend import Backend
from ..errors import ResponseError, SwaprankError
from ..requests import Capability, Generate, Request, Response
from ..responses import Usage
from .codec import decoded, encoded
from .disk import DiskStore, default_folder
from .memory import MemoryStore
from .options import CacheOptions
from .store import Store

logger = logging.getLogger(__name__)

_DIGEST = 20


def store_of(options: CacheOptions) -> Store:
    """What keeps the answers, as a config says."""
    if options.type == "memory":
        return MemoryStore(options.limit)
    folder = Path(options.path).expanduser() if options.path else default_folder()
    return DiskStore(folder, options.limit)


@dataclass(slots=True)
class _Lookup:
    """What of some requests is known.

    Attributes:
        keys: The key of each request; None for one that is not to be kept.
        found: The kept responses by key.
        missing: The places whose requests are to be asked, equal ones once.
    """

    keys: list[bytes | None]
    found: dict[bytes, Response]
    missing: list[int]


class CachedBackend:
    """Answers from a store what the backend behind it has answered before.

    A key is made of all that an answer depends on: what `identity` of the backend says (the model's commit or files,
    its options, the number format), the version of this package, and the whole request, which holds the method's
    options and the texts. A request for a passage's embedding holds no query, so its answer serves all queries.

    Equal requests of one list are asked once. What is sampled is asked every time. An answer out of the store says
    so in its usage, and has cost no tokens.

    Args:
        inner: The backend; it has a method ``identity``.
        store: What keeps the answers.
    """

    def __init__(self, inner: Backend, store: Store) -> None:
        self._inner = inner
        self._store = store
        self._identity: bytes | None = None

    @property
    def name(self) -> str:
        """The kind of the backend behind."""
        return self._inner.name

    @property
    def model(self) -> str:
        """The model of the backend behind."""
        return self._inner.model

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What the backend behind can answer."""
        return self._inner.capabilities

    def __getattr__(self, name: str) -> Any:
        """All else is that of the backend behind: its concurrency, its address, its loading."""
        if name.startswith("__") or name == "_inner":
            raise AttributeError(name)
        return getattr(self._inner, name)

    def run(self, requests: Sequence[Request]) -> list[Response | SwaprankError]:
        """Answer all requests, in order; only those that are not known go to the backend."""
        lookup = self._look_up(requests)
        asked = [requests[place] for place in lookup.missing]
        return self._answers(lookup, self._inner.run(asked) if asked else [])

    async def arun(self, requests: Sequence[Request]) -> list[Response | SwaprankError]:
        """As `run`, without blocking the event loop."""
        lookup = await asyncio.to_thread(self._look_up, requests)
        asked = [requests[place] for place in lookup.missing]
        if not asked:
            return self._answers(lookup, [])
        return await asyncio.to_thread(self._answers, lookup, await self._inner.arun(asked))

    def close(self) -> None:
        """Close the backend and the store; what is on disk stays."""
        self._identity = None
        self._store.close()
        close = getattr(self._inner, "close", None)
        if close is not None:
            close()

    def _look_up(self, requests: Sequence[Request]) -> _Lookup:
        if self._identity is None:
            from .. import __version__

            identity = f"{__version__} {self._inner.identity()}"  # type: ignore[attr-defined]
            self._identity = hashlib.blake2b(identity.encode("utf-8", "surrogatepass")).digest()
        keys = [_key(self._identity, request) for request in requests]
        kept = self._store.get(dict.fromkeys(key for key in keys if key is not None))
        found: dict[bytes, Response] = {}
        for place, key in enumerate(keys):
            if key is not None and key in kept and key not in found:
                try:
                    response = decoded(kept[key])
                except ValueError as error:
                    logger.warning("An answer in the cache cannot be read, and is asked for again: %s", error)
                    continue
                if isinstance(response, requests[place].response):
                    found[key] = response
        asked: set[bytes] = set()
        missing = []
        for place, key in enumerate(keys):
            if key is None or (key not in found and key not in asked):
                missing.append(place)
                asked |= set() if key is None else {key}
        return _Lookup(keys, found, missing)

    def _answers(
        self, lookup: _Lookup, responses: Sequence[Response | SwaprankError]
    ) -> list[Response | SwaprankError]:
        """All answers in order, once the missing ones have come; those are kept."""
        if len(responses) != len(lookup.missing):
            raise ResponseError(
                f"The {self.name} backend returned {len(responses)} responses for {len(lookup.missing)} requests."
            )
        fresh: dict[bytes, Response | SwaprankError] = {}
        answers: dict[int, Response | SwaprankError] = {}
        kept: dict[bytes, bytes] = {}
        for place, response in zip(lookup.missing, responses, strict=True):
            key = lookup.keys[place]
            answers[place] = response
            if key is not None:
                fresh[key] = _again(response)
                data = None if isinstance(response, SwaprankError) else encoded(response)
                if data is not None:
                    kept[key] = data
        self._store.put(kept)
        fresh.update(lookup.found)
        return [answers[place] if place in answers else fresh[key or b""] for place, key in enumerate(lookup.keys)]


def _key(identity: bytes, request: Request) -> bytes | None:
    """The key of a request; None for one that may be answered otherwise the next time.

    A request is a value of plain parts, and its text form says all of them.
    """
    if isinstance(request, Generate) and request.is_sampled:
        return None
    return hashlib.blake2b(repr(request).encode(), key=identity, digest_size=_DIGEST).digest()


def _again(response: Response | SwaprankError) -> Response | SwaprankError:
    """The same response for an equal request beside it: it cost nothing more."""
    if isinstance(response, SwaprankError):
        return response
    return replace(response, usage=Usage(cut=response.usage.cut, cached=1))
