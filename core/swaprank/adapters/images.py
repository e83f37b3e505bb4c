"""What stands for an image in the documents of frameworks and of their stores."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import ImageError, InputError
from ..images import Image, as_images
from ..masking import shown

# How PNG, JPEG, GIF and WebP begin in base64. The second is a path, too, but no path is so long.
_BASE64 = ("iVBORw0KGgo", "/9j/", "R0lGOD", "UklGR")
_LONG = 200


def images_of(value: Any, *, packed: bool = False) -> tuple[Image, ...]:
    """The images that a value stands for; nothing is opened.

    Args:
        value: A path, bytes, a ``data:`` or http(s) URL, base64, a PIL image, a content block of LangChain or
            OpenAI, a ``Blob`` of LangChain, or a list of these; None for no image.
        packed: Whether a text is base64 in any case.

    Raises:
        InputError: It is something else.
    """
    if value is None or value == "":
        return ()
    if isinstance(value, Mapping):
        return _of_block(value)
    if isinstance(value, str):
        is_data = packed or (len(value) > _LONG and value.startswith(_BASE64))
        return (Image(f"data:;base64,{value}" if is_data and not value.startswith("data:") else value),)
    if isinstance(value, Sequence) and not isinstance(value, bytes | os.PathLike):
        return tuple(image for one in value for image in images_of(one, packed=packed))
    if all(hasattr(value, name) for name in ("data", "path", "mimetype")):  # a Blob
        value = value.path if value.data is None else value.data
        return () if value is None else images_of(value, packed=True) if isinstance(value, str) else as_images(value)
    try:
        return as_images(value)
    except ImageError as error:
        raise InputError(f"An image is of type {type(value).__name__}.", hint=error.hint) from error


def _of_block(block: Mapping[str, Any]) -> tuple[Image, ...]:
    """The image of a content block: v1 and v0 of LangChain, OpenAI's ``image_url``; none of a block of text."""
    kind = block.get("type")
    if kind == "image_url":
        url = block.get("image_url")
        return images_of(url.get("url") if isinstance(url, Mapping) else url)
    if kind == "image":
        packed = block.get("base64")
        if packed is None and block.get("source_type") == "base64":
            packed = block.get("data")
        return images_of(block.get("url")) if packed is None else images_of(packed, packed=True)
    if kind == "text":
        return ()
    raise InputError(f"A content block with the type {shown(kind)} holds no image.", hint="Its type is 'image'.")
