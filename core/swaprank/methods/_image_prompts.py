"""What methods that show images to a language model have in common: which images can be read, and prompts with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..errors import ImageError
from ..images import Image
from ..prompt import ImageSlot, Slot, fill
from ..types import Passage, Query
from ._image_similarity import named

Parts = Sequence[str | Slot | ImageSlot]


def readable(query: Query, passages: Sequence[Passage]) -> tuple[Query, list[Passage], list[str]]:
    """Query and passages without the images that cannot be read, and what is wrong with these.

    Raises:
        ImageError: The query has no text, and none of its images can be read.
    """
    problems: list[str] = []
    asked = replace(query, images=_readable(query.images, "The query", problems))
    if query.images and not asked.images and not query.text.strip():
        raise ImageError(problems[0])
    found = [
        replace(passage, images=_readable(passage.images, named(place, passages), problems))
        for place, passage in enumerate(passages)
    ]
    return asked, found, problems


def placed(template: str, values: Mapping[str, Parts]) -> tuple[str | Slot | ImageSlot, ...]:
    """A template with parts in place of each ``{name}``; see `prompt.fill`."""
    marks = {name: Slot(name) for name in values}
    parts: list[str | Slot | ImageSlot] = []
    for part in fill(template, marks):
        name = next((name for name, mark in marks.items() if part is mark), None)
        parts += [part] if name is None else values[name]
    return tuple(parts)


def side(
    text: str,
    images: Sequence[Image],
    *,
    min_pixels: int | None,
    max_pixels: int | None,
    shrinks: bool = False,
    max_tokens: int | None = None,
) -> list[str | Slot | ImageSlot]:
    """The images of a query or a passage and then its text, without what is missing."""
    parts: list[str | Slot | ImageSlot] = [ImageSlot(image, min_pixels, max_pixels) for image in images]
    if text.strip():
        parts.append(Slot(text, max_tokens=max_tokens, shrinks=shrinks))
    return parts


def _readable(images: Sequence[Image], whose: str, problems: list[str]) -> tuple[Image, ...]:
    found = []
    for image in images:
        try:
            image.open()
        except ImageError as error:
            problems.append(f"{whose}: {error}")
        else:
            found.append(image)
    return tuple(found)
