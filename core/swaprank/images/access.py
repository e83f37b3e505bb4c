"""Which images may be read, and how large they may be: what a config says of it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

# A 600-dpi page has 35 million pixels.
MOST_BYTES = 64 << 20
MOST_PIXELS = 100_000_000
# Pillow refuses to open more.
_PILLOWS = 178_956_970


class ImageLimits(BaseModel):
    """How large an image may be, and how long fetching it may take.

    Attributes:
        bytes: Most encoded bytes.
        pixels: Most pixels.
        seconds: Most seconds for fetching one image, redirects included.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bytes: int = Field(default=MOST_BYTES, ge=1)
    pixels: int = Field(default=MOST_PIXELS, ge=1, le=_PILLOWS)
    seconds: float = Field(default=10.0, gt=0, allow_inf_nan=False)


class ImageAccess(BaseModel):
    """Options of methods that read images.

    Attributes:
        allow_urls: Fetch images of http(s) URLs, from public addresses only. They are refused by default, because a
            document whose URL somebody else has written makes this machine ask that server.
        image_folder: The folder that relative paths start from and that no path may leave, symbolic links followed;
            None reads any path.
        image_limits: How large an image may be, and how long fetching it may take.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    allow_urls: bool = False
    image_folder: str | None = Field(default=None, min_length=1)
    image_limits: ImageLimits = ImageLimits()
