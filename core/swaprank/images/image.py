"""A reference to an image, which is opened when a model reads it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import math
import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ImageError
from .opening import MOST_BYTES, decoded, flattened

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

# Pictures that somebody still holds, by digest, and the last ones: what is checked first and shown then, or shown in
# several windows, is decoded once.
_opened: weakref.WeakValueDictionary[str, Picture] = weakref.WeakValueDictionary()
_last: OrderedDict[str, Picture] = OrderedDict()
_guard = threading.Lock()
# Pixels of the last ones together: 144 MB.
_MOST_KEPT = 48_000_000


class Image:
    """An image, as a value: two are equal if their bytes are.

    Nothing is read before `digest` or `open` is asked for. Neither its text form nor an error shows its bytes.

    Args:
        source: A path, encoded bytes (PNG, JPEG, WebP, GIF, TIFF, BMP ...), a ``data:`` URL, an http(s) URL, or a
            picture of Pillow.

    Raises:
        ImageError: Something of another type.
    """

    def __init__(self, source: str | os.PathLike[str] | bytes | Picture) -> None:
        if isinstance(source, os.PathLike):
            source = Path(source)
        if not (isinstance(source, str | Path | bytes) or _is_picture(source)):
            raise ImageError(
                f"An image is of type {type(source).__name__}.",
                hint="Give a path, bytes, a data: or http(s) URL, or a PIL image.",
            )
        self._source: str | Path | bytes | Picture = source

    @classmethod
    def from_base64(cls, text: str) -> Image:
        """The image whose encoded bytes a base64 text holds.

        Raises:
            ImageError: It is no base64.
        """
        return cls(_unpacked(text))

    @property
    def name(self) -> str:
        """What messages call it: a path, or what kind of source it comes from."""
        source = self._source
        if isinstance(source, bytes):
            return f"An image of {len(source)} bytes"
        if isinstance(source, str) and source.startswith("data:"):
            return "An image in a data: URL"
        if isinstance(source, str) and "://" in source:
            # The rest may hold a key.
            return f"The image {source.partition('?')[0]!r}"
        return f"The image {str(source)!r}" if isinstance(source, str | Path) else "A PIL image"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the bytes, in hexadecimal: a key for caches; of a PIL image, of its pixels.

        Raises:
            ImageError: They cannot be read.
        """
        if not isinstance(self._source, str | Path | bytes):
            seen = flattened(self._source, self.name)
            return hashlib.sha256(f"RGB {seen.size} ".encode() + seen.tobytes()).hexdigest()
        return hashlib.sha256(self._bytes()).hexdigest()

    def open(self) -> Picture:
        """The picture, upright, in mode RGB, with transparency on white.

        Raises:
            ImageError: It cannot be read, is no image, or is too large.
        """
        found = _opened.get(self.digest)
        if found is None:
            source = self._source
            if isinstance(source, str | Path | bytes):
                found = decoded(self._bytes(), self.name)
            else:
                found = flattened(source, self.name)
            _opened[self.digest] = found
        _keep(self.digest, found)
        return found

    def data_url(self, max_pixels: int | None = None) -> str:
        """The picture of `open` as a ``data:`` URL of PNG, for servers.

        Args:
            max_pixels: A larger picture is shrunk; None for no limit.

        Raises:
            ImageError: As `open` does.
        """
        picture = self.open()
        if max_pixels is not None and picture.width * picture.height > max_pixels:
            scale = math.sqrt(max_pixels / (picture.width * picture.height))
            picture = picture.resize((max(1, int(picture.width * scale)), max(1, int(picture.height * scale))))
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"

    def _bytes(self) -> bytes:
        source = self._source
        if isinstance(source, bytes):
            return _checked(source, self.name)
        if isinstance(source, str):
            if source.startswith("data:"):
                head, _, packed = source.partition(",")
                if not head.endswith(";base64"):
                    raise ImageError("A data: URL holds no base64.", hint="Write data:image/png;base64,...")
                return _checked(_unpacked(packed), self.name)
            if source.startswith(("http://", "https://")):
                raise ImageError(f"{self.name} is on a server, and nothing is fetched.", hint="Give its bytes.")
        try:
            with Path(str(source)).open("rb") as file:
                data = file.read(MOST_BYTES + 1)
        except (OSError, ValueError) as error:
            raise ImageError(f"{self.name} cannot be read: {type(error).__name__}.") from error
        return _checked(data, self.name)

    def __eq__(self, other: object) -> bool:
        """Whether the bytes are the same."""
        if not isinstance(other, Image):
            return NotImplemented
        return self is other or self._key() == other._key()

    def __hash__(self) -> int:
        """By the bytes."""
        return hash(self._key())

    def __repr__(self) -> str:
        """The digest, or where it comes from if it cannot be read."""
        return f"Image({self._key()})"

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the reference, not what was read of it."""
        return {"_source": self._source}

    def _key(self) -> str:
        try:
            return f"sha256:{self.digest}"
        except ImageError:
            return f"unreadable: {self.name}"


def _keep(digest: str, picture: Picture) -> None:
    """Hold a picture for a while; the one that was asked for least recently goes first."""
    with _guard:
        _last[digest] = picture
        _last.move_to_end(digest)
        pixels = sum(one.width * one.height for one in _last.values())
        while pixels > _MOST_KEPT:
            _, gone = _last.popitem(last=False)
            pixels -= gone.width * gone.height


def as_images(values: Any) -> tuple[Image, ...]:
    """One image or several, each as an `Image`.

    Raises:
        ImageError: One is of another type.
    """
    if isinstance(values, Image):
        return (values,)
    if isinstance(values, str | bytes | os.PathLike) or not isinstance(values, Iterable):
        return (Image(values),)
    return tuple(value if isinstance(value, Image) else Image(value) for value in values)


def _is_picture(value: Any) -> bool:
    """Whether it is Pillow's; without importing Pillow."""
    return all(hasattr(value, name) for name in ("mode", "size", "info", "convert", "tobytes"))


def _unpacked(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImageError(f"{len(text)} characters that should be an image are no base64.") from error


def _checked(data: bytes, name: str) -> bytes:
    if len(data) > MOST_BYTES:
        raise ImageError(f"{name} has more than {MOST_BYTES} bytes.", hint="Give a smaller image.")
    return data
