"""From encoded bytes to a picture that models read: upright, RGB, transparency on white, bounded in size."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ImageError, require
from .access import MOST_PIXELS

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

# What is read of untrusted bytes. Pillow knows more formats, of which EPS starts another program.
_FORMATS = ("PNG", "JPEG", "JPEG2000", "MPO", "WEBP", "AVIF", "GIF", "TIFF", "BMP", "DIB", "ICO", "PPM", "TGA")
# What Pillow's decoders raise on broken data.
_BROKEN = (
    OSError, ValueError, SyntaxError, LookupError, TypeError, ArithmeticError, EOFError, MemoryError, AttributeError,
    struct.error, zlib.error, AssertionError, NotImplementedError,
)  # fmt: skip
# Rows of a 16-bit picture that are scaled at a time.
_ROWS = 512


def decoded(data: bytes, name: str, most_pixels: int = MOST_PIXELS) -> Picture:
    """The picture that encoded bytes hold; of an animation the first frame.

    Args:
        data: The bytes.
        name: What messages call it.
        most_pixels: Larger ones are refused.

    Raises:
        ImageError: They are no image, a broken one, or one of too many pixels.
        MissingDependencyError: Pillow is not installed.
    """
    pillow: Any = require("PIL.Image", extra="vision", purpose="Reading images")
    try:
        with warnings.catch_warnings():
            # Its own limit warns first; ours is below the size at which it raises.
            warnings.simplefilter("ignore", pillow.DecompressionBombWarning)
            pillow.init()
            known = [one for one in _FORMATS if one in pillow.OPEN]  # some are left out when Pillow is built
            picture: Picture = pillow.open(io.BytesIO(data), formats=known)
    except (*_BROKEN, pillow.DecompressionBombError) as error:
        if b"<svg" in data[:1024].lower():
            raise ImageError(f"{name} is SVG, a drawing and no picture.", hint="Render it as PNG first.") from error
        raise ImageError(f"{name} is no image that Pillow reads.", hint="Give PNG, JPEG, WebP, GIF or TIFF.") from error
    return flattened(picture, name, most_pixels)


def flattened(picture: Picture, name: str, most_pixels: int = MOST_PIXELS) -> Picture:
    """The picture upright, in mode RGB, with transparency on white.

    Raises:
        ImageError: It has too many pixels, or is broken.
    """
    from PIL import ImageOps

    check_size(picture, name, most_pixels)
    try:
        picture.load()
        return _rgb(ImageOps.exif_transpose(picture))
    except _BROKEN as error:
        raise ImageError(f"{name} is broken: {type(error).__name__}.", hint="Is the file whole?") from error


def check_size(picture: Picture, name: str, most_pixels: int) -> None:
    """Refuse a picture of too many pixels.

    Raises:
        ImageError: It has more.
    """
    width, height = picture.size
    if width * height > most_pixels:
        raise ImageError(f"{name} has {width} x {height} pixels.", hint=f"At most {most_pixels} are read.")


def _rgb(picture: Picture) -> Picture:
    from PIL import Image

    if picture.mode.startswith("I") or picture.mode == "F":
        picture = _eight_bits(picture)
    if picture.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        picture = Image.new("RGB", layer.size, "white")
        picture.paste(layer, mask=layer.getchannel("A"))
    found = picture.convert("RGB")
    # Image processors would paint this colour white once more.
    found.info.pop("transparency", None)
    return found


def _eight_bits(picture: Picture) -> Picture:
    """A picture of 16 or 32 bits a pixel in 8: scaled, where Pillow would clip and turn a scan white."""
    from PIL import Image

    values = np.asarray(picture)
    most = 65535.0
    if not picture.mode.startswith("I;16"):
        highest = float(np.nan_to_num(values.max(initial=0)))
        most = 255.0 if highest <= 255 else max(65535.0, highest)
    found = np.empty(values.shape, dtype=np.uint8)
    for start in range(0, len(values), _ROWS):
        rows = np.nan_to_num(values[start : start + _ROWS].astype(np.float64))
        found[start : start + _ROWS] = np.clip(rows * (255 / most), 0, 255).round()
    return Image.fromarray(found)
