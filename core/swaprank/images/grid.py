"""Several images as one: the frames of a video in a square, or candidates with their numbers. Drawn when opened."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import ImageError, require
from .access import ImageAccess
from .image import Image

if TYPE_CHECKING:
    from PIL.Image import Image as Picture


class Drawn(Image):
    """An image that is put together from others when it is opened; those that cannot be read leave a gap.

    Attributes:
        problems: Why some could not be read, by their place; known once it was opened.
    """

    problems: dict[int, str]

    def __getstate__(self) -> dict[str, Any]:
        """Pickle the references."""
        return dict(self.__dict__)

    @property
    def url(self) -> None:
        """Nothing is fetched: what it is drawn from has been."""
        return None

    def within(self, access: ImageAccess) -> Image:
        """Itself: what it is drawn from is read as it was given."""
        return self

    def _opened(self, images: Sequence[Image]) -> list[Picture | None]:
        found: list[Picture | None] = []
        for place, image in enumerate(images):
            try:
                found.append(image.open())
            except ImageError as error:
                found.append(None)
                self.problems[place] = str(error)
        return found


class Single(Drawn):
    """One image as it is; white where it cannot be read.

    Args:
        image: The image.
    """

    _BLANK = 56

    def __init__(self, image: Image) -> None:
        self._image = image
        self.problems = {}

    @property
    def name(self) -> str:
        """What messages call it."""
        return self._image.name

    @property
    def digest(self) -> str:
        """A key of what is drawn."""
        try:
            return self._image.digest
        except ImageError:
            return _digest("single", self._image)

    def open(self) -> Picture:
        """The picture."""
        pillow = _pillow()
        [found] = self._opened([self._image])
        return pillow.new("RGB", (self._BLANK, self._BLANK), "white") if found is None else found


class FrameGrid(Drawn):
    """The frames of a video in a square of black, as ViC shows them (S-Grid): each stretched to its cell, row by row.

    Of more frames than there are cells, so many at equal distances are taken, the first and the last among them; fewer
    frames get a smaller grid.

    Args:
        frames: The frames in order, at least one.
        side: Most cells of a row.
        size: Pixels of a side of the square.
    """

    def __init__(self, frames: Sequence[Image], side: int = 3, size: int = 448) -> None:
        self._side = max(1, min(side, math.isqrt(len(frames))))
        self._frames = tuple(frames[place] for place in _spread(len(frames), self._side**2))
        self._size = size
        self.problems = {}

    @property
    def name(self) -> str:
        """What messages call it."""
        return self._frames[0].name if len(self._frames) == 1 else f"A grid of {len(self._frames)} images"

    @property
    def digest(self) -> str:
        """A key of what is drawn."""
        return _digest("frames", self._side, self._size, self._frames)

    def open(self) -> Picture:
        """The square."""
        pillow = _pillow()
        cell = self._size // self._side
        canvas: Picture = pillow.new("RGB", (self._size, self._size))
        for place, picture in enumerate(self._opened(self._frames)):
            if picture is not None:
                row, column = divmod(place, self._side)
                canvas.paste(picture.resize((cell, cell), pillow.Resampling.BICUBIC), (column * cell, row * cell))
        return canvas


class NumberedGrid(Drawn):
    """Candidates in one picture, each in a cell with its number above it.

    Args:
        images: The candidates in order, at least one.
        columns: Cells of a row; None for about as many rows as columns.
        cell: Pixels of a side of a cell; images keep their shape in it.
        numbers: The number of each; None for 1, 2, 3 ...
    """

    _MARGIN = 8

    def __init__(
        self,
        images: Sequence[Image],
        columns: int | None = None,
        cell: int = 256,
        *,
        numbers: Sequence[int] | None = None,
    ) -> None:
        self._images = tuple(images)
        self._numbers = tuple(numbers or range(1, len(images) + 1))
        self._columns = min(columns or math.ceil(math.sqrt(len(images))), len(images))
        self._cell = cell
        self.problems = {}

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"A grid of {len(self._images)} images"

    @property
    def digest(self) -> str:
        """A key of what is drawn."""
        return _digest("numbers", self._numbers, self._columns, self._cell, self._images)

    def open(self) -> Picture:
        """The picture, black numbers on white."""
        pillow = _pillow()
        from PIL import ImageDraw, ImageFont

        height = max(self._cell // 8, 14)
        width, step = self._cell + self._MARGIN, self._cell + height + self._MARGIN
        rows = math.ceil(len(self._images) / self._columns)
        canvas: Picture = pillow.new("RGB", (self._columns * width + self._MARGIN, rows * step + self._MARGIN), "white")
        draw = ImageDraw.Draw(canvas)
        font = ImageFont.load_default(size=height * 0.9)
        for place, picture in enumerate(self._opened(self._images)):
            row, column = divmod(place, self._columns)
            left, top = self._MARGIN + column * width, self._MARGIN + row * step
            draw.text((left, top), f"[{self._numbers[place]}]", fill="black", font=font)
            if picture is not None:
                scale = self._cell / max(picture.size)
                fitted = picture.resize(
                    (max(1, round(picture.width * scale)), max(1, round(picture.height * scale))),
                    pillow.Resampling.BICUBIC,
                )
                canvas.paste(fitted, (left, top + height))
        return canvas


def _spread(count: int, wanted: int) -> list[int]:
    """So many places of a list at equal distances, the first and the last among them."""
    if wanted == 1:
        return [0]
    return [place * (count - 1) // (wanted - 1) for place in range(wanted)]


def _pillow() -> Any:
    return require("PIL.Image", extra="vision", purpose="Showing images")


def _digest(kind: str, *parts: Any) -> str:
    # The text form of an image is its digest.
    return hashlib.sha256(repr((kind, *parts)).encode()).hexdigest()
