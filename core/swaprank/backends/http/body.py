"""Reading the body of a response: within a limit of bytes, and without holding up the event loop."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from ...errors import ResponseError

if TYPE_CHECKING:
    import httpx

# The only ones that are decompressed in bounded steps.
ACCEPTED = "gzip, deflate"
# How much of the body of an error is read; its message is shorter.
ERROR_BYTES = 1 << 16
_PIECE = 1 << 16
# Parsing this much takes some ten milliseconds, about as long as an event loop may be held.
_PARSED_HERE = 1 << 20
# Nested deeper, a body is refused before a parser or a message recurses into it.
_DEEPEST = 200


async def read(response: httpx.Response, most: int, server: str, path: str) -> bytes:
    """The decompressed body of a streamed response.

    Args:
        response: What `httpx.AsyncClient.stream` yields.
        most: Most bytes, decompressed. What comes after is not read, and the connection is closed.
        server: The base URL, for messages.
        path: What was asked for, for messages.

    Raises:
        ResponseError: The body is larger.
        ValueError: It is compressed in a way that was not asked for, or broken.
    """
    found = bytearray()
    async for chunk in _chunks(response):
        found += chunk
        if len(found) > most:
            raise ResponseError(
                f"{server} answered {path} with more than {most} bytes.",
                hint="Is base_url the address of the server itself? A larger limit: max_response_bytes.",
            )
    return bytes(found)


async def beginning(response: httpx.Response) -> bytes:
    """At most the first `ERROR_BYTES` bytes of the body, decompressed."""
    found = bytearray()
    async for chunk in _chunks(response):
        found += chunk
        if len(found) >= ERROR_BYTES:
            break
    return bytes(found[:ERROR_BYTES])


async def parsed(content: bytes) -> Any:
    """The JSON of a body; a large one is parsed in a thread.

    Raises:
        ValueError: It is not JSON, or nested too deep.
    """
    return _parsed(content) if len(content) <= _PARSED_HERE else await asyncio.to_thread(_parsed, content)


async def _chunks(response: httpx.Response) -> AsyncIterator[bytes]:
    """The decompressed body in small pieces; other tasks run between them.

    httpx would decompress a whole network read at once, and a kilobyte may stand for gigabytes.
    """
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip", "deflate"):
        raise ValueError(f"content-encoding {encoding!r}, where {ACCEPTED!r} was asked for")
    decompressor = None if encoding == "identity" else zlib.decompressobj(zlib.MAX_WBITS | 32)
    async for raw in response.aiter_raw(_PIECE):
        if decompressor is None:
            yield raw
            continue
        while raw:
            try:
                yield decompressor.decompress(raw, _PIECE)
            except zlib.error as error:
                raise ValueError(f"{encoding} that cannot be read: {error}") from error
            raw = decompressor.unconsumed_tail
            await asyncio.sleep(0)


def _parsed(content: bytes) -> Any:
    try:
        found = json.loads(content)
    except RecursionError:
        raise ValueError("nested too deep") from None
    level: list[Any] = [found]
    for _ in range(_DEEPEST):
        level = [
            item
            for one in level
            if isinstance(one, dict | list)
            for item in (one.values() if isinstance(one, dict) else one)
            if isinstance(item, dict | list)
        ]
        if not level:
            return found
    raise ValueError(f"nested more than {_DEEPEST} levels deep")
