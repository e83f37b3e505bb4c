"""Images as the config of a method allows them to be read: from one folder, within limits, fetched from servers."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from ..backend import awaited_until
from ..errors import ImageError
from ..flow.flow import Flow, ask
from ..images import Image, ImageAccess
from ..images.fetching import client, fetched
from ..requests import Capability, FetchImage, ImageBytes, Request, Response
from ..types import Passage, Query

# As many as a browser opens, to be a guest.
_AT_ONCE = 6


def allowed(access: ImageAccess, query: Query, passages: Sequence[Passage]) -> Flow[tuple[Query, list[Passage]]]:
    """The query and the passages with their images as a method may read them.

    An image that cannot be fetched stays, and says why when it is opened.
    """
    images = [image for own in (query.images, *(passage.images for passage in passages)) for image in own]
    if not images:
        return query, list(passages)
    remote = {image.url: image for image in images if image.url is not None} if access.allow_urls else {}
    answers: dict[str | None, bytes | ImageError] = {}
    if remote:
        wanted = [FetchImage(image, access.image_limits) for image in remote.values()]
        answer = yield from ask(IMAGE_SERVERS, wanted)
        for url, response in zip(remote, answer.responses, strict=True):
            if isinstance(response, ImageBytes):
                answers[url] = ImageError(response.unreadable) if response.unreadable else response.data

    def read(images: tuple[Image, ...]) -> tuple[Image, ...]:
        return tuple(
            image.fetched(answers[image.url]).within(access) if image.url in answers else image.within(access)
            for image in images
        )

    return replace(query, images=read(query.images)), [
        replace(passage, images=read(passage.images)) if passage.images else passage for passage in passages
    ]


@dataclass(frozen=True)
class ImageServers:
    """Answers `FetchImage`; any number of batches at once."""

    name = "image servers"
    model = ""
    capabilities = frozenset({Capability.IMAGE_BYTES})
    concurrency = 1 << 10

    def run(self, requests: Sequence[Request]) -> list[Response]:
        """Fetch all images, several at a time."""
        until = awaited_until.get()
        with client() as connections, ThreadPoolExecutor(_AT_ONCE, "swaprank-images") as pool:

            def answer(request: Request) -> Response:
                if not isinstance(request, FetchImage):
                    raise TypeError(f"{type(request).__name__} is no FetchImage.")
                image, limits = request.image, request.limits
                left = until - time.monotonic() if until < math.inf else limits.seconds
                if left <= 0:
                    return ImageBytes(b"", f"{image.name} was not fetched in time.")
                seconds = min(limits.seconds, left)
                try:
                    data = fetched(connections, image.url or "", image.name, most_bytes=limits.bytes, seconds=seconds)
                except ImageError as error:
                    return ImageBytes(b"", str(error))
                return ImageBytes(data)

            return list(pool.map(answer, requests))

    async def arun(self, requests: Sequence[Request]) -> list[Response]:
        """Fetch all images without blocking the event loop."""
        return await asyncio.to_thread(partial(self.run, requests))


IMAGE_SERVERS = ImageServers()
