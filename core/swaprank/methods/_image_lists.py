"""What methods share that show a list of images: lines of a prompt, replies that are lists, copies of a candidate."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence

from ..images import Image
from ..images.grid import Drawn
from ..prompt import ImageSlot, Slot
from ..replies.permutation import Permutation, Reader
from ..types import Passage

Part = str | Slot | ImageSlot

_INNER = re.compile(r"\[([^\[\]]*)\]")
_NUMBER = re.compile(r"\d+")


def as_parts(lines: Sequence[Sequence[Part]]) -> list[Part]:
    """Lines joined by line breaks, neighbouring strings as one."""
    parts: list[Part] = []
    for place, line in enumerate(lines):
        for part in (*(["\n"] if place else []), *line):
            if isinstance(part, str) and parts and isinstance(parts[-1], str):
                parts[-1] += part
            else:
                parts.append(part)
    return parts


def read_list(text: str, n: int) -> Permutation:
    """The order that a reply gives: its first list of several numbers, or else any numbers, those in brackets first."""
    for found in _INNER.finditer(text):
        if len(_NUMBER.findall(found[1])) > 1:
            return Reader().read(found[1], n)
    return Reader(brackets="prefer").read(text, n)


def problems(images: Sequence[Image]) -> list[str]:
    """Why parts of drawn images could not be read."""
    return [why for image in images if isinstance(image, Drawn) for why in image.problems.values()]


def together(passage: Passage) -> Hashable:
    """What makes two candidates the same: the id, or else the content."""
    return passage.id if passage.id is not None else (passage.content, passage.images)
