"""A reference to an image, which is opened when a model reads it."""

from __future__ import annotations

import base64
import binascii
import copy
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
from .access import ImageAccess
from .opening import check_size, decoded, flattened

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

# Pictures that somebody still holds, by digest, and the last ones: what is checked first and shown then, or shown in
# several windows, is decoded once.
_opened: weakref.WeakValueDictionary[str, Picture] = weakref.WeakValueDictionary()
_last: OrderedDict[str, Picture] = OrderedDict()
_guard = threading.Lock()
# Pixels of the last ones together: 144 MB.
_MOST_KEPT = 48_000_000
_ANY = ImageAccess()


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
        self._access = _ANY
        self._given_name = ""
        self._problem: ImageError | None = None

    @classmethod
    def from_base64(cls, text: str) -> Image:
        """The image whose encoded bytes a base64 text holds.

        Raises:
            ImageError: It is no base64.
        """
        return cls(_unpacked(text))

    @property
    def url(self) -> str | None:
        """Where it has to be fetched from; None where it is at hand."""
        source = self._source
        remote = isinstance(source, str) and source[:8].lower().startswith(("http://", "https://"))
        return str(source) if remote else None

    def within(self, access: ImageAccess) -> Image:
        """The same image, read as a config allows it, and read anew where it is a file."""
        found = copy.copy(self)
        found._access = access
        return found

    def fetched(self, answer: bytes | ImageError) -> Image:
        """The same image with the bytes that its server gave, or with the reason why there are none."""
        found = copy.copy(self)
        found._source, found._problem = (b"", answer) if isinstance(answer, ImageError) else (answer, None)
        found._given_name = self.name
        return found

    @property
    def name(self) -> str:
        """What messages call it: a path, or what kind of source it comes from."""
        source = self._source
        if self._given_name:
            return self._given_name
        if isinstance(source, bytes):
            return f"An image of {len(source)} bytes"
        if isinstance(source, str) and source.startswith("data:"):
            return "An image in a data: URL"
        if isinstance(source, str) and "://" in source:
            # The rest may hold a key, and what is before the host a password.
            scheme, _, rest = source.partition("?")[0].partition("://")
            server, slash, path = rest.partition("/")
            return f"The image {scheme + '://' + server.rpartition('@')[2] + slash + path!r}"
        return f"The image {str(source)!r}" if isinstance(source, str | Path) else "A PIL image"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the bytes, in hexadecimal: a key for caches; of a PIL image, of its pixels.

        Raises:
            ImageError: They cannot be read.
        """
        if not isinstance(self._source, str | Path | bytes):
            seen = flattened(self._source, self.name, self._access.image_limits.pixels)
            return hashlib.sha256(f"RGB {seen.size} ".encode() + seen.tobytes()).hexdigest()
        return hashlib.sha256(self._bytes()).hexdigest()

    def open(self) -> Picture:
        """The picture, upright, in mode RGB, with transparency on white.

        Raises:
            ImageError: It cannot be read, is no image, or is too large.
        """
        most = self._access.image_limits.pixels
        source = self._source
        data: bytes | None = None
        if isinstance(source, str | Path | bytes) and "digest" not in self.__dict__:
            data = self._bytes()  # read once: for the digest, and to be decoded
            self.__dict__["digest"] = hashlib.sha256(data).hexdigest()
        found = _opened.get(self.digest)
        if found is None:
            if isinstance(source, str | Path | bytes):
                found = decoded(self._unchanged() if data is None else data, self.name, most)
            else:
                found = flattened(source, self.name, most)
            _opened[self.digest] = found
        check_size(found, self.name, most)
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

    def _unchanged(self) -> bytes:
        """The bytes that `digest` was told of; a file may have been written since."""
        data = self._bytes()
        if not isinstance(self._source, bytes) and hashlib.sha256(data).hexdigest() != self.digest:
            raise ImageError(f"{self.name} changed while it was read.", hint="Rerank again.")
        return data

    def _bytes(self) -> bytes:
        source = self._source
        if self._problem is not None:
            raise self._problem.with_traceback(None)
        if isinstance(source, bytes):
            return self._checked(source)
        if isinstance(source, str) and source.startswith("data:"):
            head, _, packed = source.partition(",")
            if not head.endswith(";base64"):
                raise ImageError("A data: URL holds no base64.", hint="Write data:image/png;base64,...")
            return self._checked(_unpacked(packed))
        if self.url is not None:
            raise ImageError(
                f"{self.name} is on a server, and nothing is fetched.",
                hint="Write allow_urls: true beside a method that reads images, or give its bytes.",
            )
        try:
            with self._path().open("rb") as file:
                data = file.read(self._access.image_limits.bytes + 1)
        except ImageError:
            raise
        except (OSError, ValueError, RuntimeError) as error:
            raise ImageError(f"{self.name} cannot be read: {type(error).__name__}.") from error
        return self._checked(data)

    def _path(self) -> Path:
        """The file; inside the folder of the config, where it names one."""
        path = Path(str(self._source))
        if self._access.image_folder is None:
            return path
        folder = Path(self._access.image_folder).resolve()
        path = (folder / path).resolve()
        if not path.is_relative_to(folder):
            raise ImageError(f"{self.name} lies outside of image_folder {self._access.image_folder!r}.")
        return path

    def _checked(self, data: bytes) -> bytes:
        most = self._access.image_limits.bytes
        if len(data) > most:
            raise ImageError(f"{self.name} has more than {most} bytes.", hint="Give a smaller image.")
        return data

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
        """Copy and pickle the reference, not what was read of it; the digest of what cannot change stays."""
        kept = {key: value for key, value in self.__dict__.items() if key.startswith("_")}
        if isinstance(self._source, bytes) and self._problem is None and "digest" in self.__dict__:
            kept["digest"] = self.digest
        return kept

    def _key(self) -> str:
        try:
            return f"sha256:{self.digest}"
        except ImageError:
            # What is left out of the name of a URL makes it another one.
            of = "" if self.url is None else f" {hashlib.sha256(self.url.encode()).hexdigest()}"
            return f"unreadable: {self.name}{of}"


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
