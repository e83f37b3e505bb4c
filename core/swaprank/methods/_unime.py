"""What UniME-V2's two ways of reranking share: its images, and its candidates in a prompt.

Gu et al., UniME-V2 (2025), arXiv 2510.13515. Prompts and image sizes of https://github.com/GaryGuTC/UniME-v2 e3deb73
(MIT).
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from ..images import Image
from ..method import Method
from ..prompt import ImageSlot, Slot
from ..types import Passage, Query
from ._image_prompts import Parts

_MIN_PIXELS = 3136


class UnimeV2(Method):
    """The base of both.

    Attributes:
        square: Squash images to this width and height first, as the official code does: 1344, 672, 336 or 128. None
            keeps their shape.
        max_pixels: Images of more pixels are shrunk; officially 300 tokens' worth.
    """

    source: ClassVar[str] = "https://github.com/GaryGuTC/UniME-v2 e3deb73 (MIT)"

    square: Literal[128, 336, 672, 1344] | None = None
    max_pixels: int = Field(default=300 * 28 * 28, ge=784)

    @property
    def reads_images(self) -> bool:
        """Always."""
        return True

    def shown(self, one: Query | Passage) -> Parts:
        """The images of a query or passage, then its text."""
        text = Slot(one.content, shrinks=True) if isinstance(one, Passage) else Slot(one.text)
        return [*(ImageSlot(self._squashed(image), _MIN_PIXELS, self.max_pixels) for image in one.images), text]

    def _squashed(self, image: Image) -> Image:
        return image if self.square is None else Image(image.open().resize((self.square, self.square)))
