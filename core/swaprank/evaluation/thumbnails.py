"""Thumbnails of passages' images, small enough to put into a result."""

from __future__ import annotations

import base64
import io
import logging
from collections.abc import Iterable

from ..errors import ImageError
from ..images import Image

logger = logging.getLogger(__name__)

# Pixels of the longer side: a page can be recognised and not read. About 8 kB each.
_SIDE = 240
_QUALITY = 70
# Images that are shown of one passage.
_MOST = 4


def thumbnails(images: Iterable[Image]) -> list[str]:
    """The first images of a passage as ``data:`` URLs of JPEG, at most 240 pixels wide and high.

    What cannot be read is left out, with a warning in the log.

    Raises:
        MissingDependencyError: Pillow is not installed.
    """
    found = []
    for image in list(images)[:_MOST]:
        try:
            picture = image.open().copy()
        except ImageError as error:
            logger.warning("No thumbnail: %s", error)
            continue
        picture.thumbnail((_SIDE, _SIDE))
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=_QUALITY)
        found.append(f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}")
    return found
