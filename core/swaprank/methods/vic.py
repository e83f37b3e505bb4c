"""ViC, Vote-in-Context: a vision-language chat model orders candidates that several retrievers found.

Eltahir et al. (2025), arXiv 2511.01617. Facts of github.com/mohammad2012191/ViC 4f73afa, which names no licence; of it
only the wording of the prompts is here. A candidate that stands in the list several times was found by several
retrievers, and that is its only vote: see `swaprank.candidate_bag`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import Field

from ..images import Image
from ..images.grid import Drawn, FrameGrid, Single
from ..method import GroupScores, Steps
from ..prompt import Chat, ImageSlot, Slot, user
from ..replies.parts import after_thinking
from ..replies.permutation import Permutation, completed
from ..scores.ranks import rank_scores
from ..types import Passage, Query, ScoreKind
from ._image_lists import as_parts, problems, read_list, together
from ._permutation_generation import PermutationGeneration

_TO_IMAGES = (
    'Given the user query: "{query}", rank these {n} images from most to least relevant to the user query and output a '
    "list like [1,3,2,5,4,...,{n}th_element]{example}. Output only the {n}-ranked-elements list instantly."
)
_TO_TEXTS = (
    "Given the user query {above} and the {n} text candidates, rank these candidates from most to least relevant to "
    "the video. Output a list like [1,3,2,...,{n}] (just an example). Output only the {n}-ranked-elements list "
    "instantly."
)
_LIST = re.compile(r"\[(.*?)\]")


class Vic(PermutationGeneration):
    """Listwise reranking of images, videos and texts by a vision-language model; repeated candidates are votes.

    Images are asked about by a text; texts by an image. Other mixtures have prompts of our own in the same words.

    Attributes:
        script: ``"msrvtt"`` or ``"vatex"``: which of the official scripts' wordings.
        layout: ``"canvas"`` stretches each candidate to a square of 448 pixels, several images of a passage being the
            frames of a video (S-Grid), as in the official code; ``"image"`` shows single images as they are, for pages.
        grid: Frames in a row of that square.
        subtitles: Whether the text of a passage with images is shown under them, and that of a query.
        max_tokens: Most tokens of a reply.
        official_parser: Drop any reply that is not one list of numbers in range, as the official code does.
    """

    name: ClassVar[str] = "vic"
    source: ClassVar[str] = "ViC 4f73afa (no licence; facts only), https://github.com/mohammad2012191/ViC"
    strategy_options: ClassVar[Mapping[str, Mapping[str, Any]]] = {"sliding-window": {"window_size": 14, "step": 7}}

    script: Literal["msrvtt", "vatex"] = "msrvtt"
    layout: Literal["canvas", "image"] = "canvas"
    grid: int = Field(default=3, ge=1, le=8)
    subtitles: bool = True
    max_tokens: int | None = Field(default=256, ge=1)

    @property
    def reads_images(self) -> bool:
        """Images, and texts where there are none."""
        return True

    def prompt(self, query: Query, passages: Sequence[Passage]) -> Chat:
        """One message: the query's image, the candidates, the question."""
        shown = any(passage.images for passage in passages)
        lines = self._asked(query, shown=shown)
        for number, passage in enumerate(passages, start=1):
            lines += self._candidate(number, passage)
        lines.append(self._question(query, len(passages), shown=shown))
        return user(*as_parts(lines))

    def read(self, text: str, n: int) -> Permutation:
        """The first list of several numbers; officially the first list of any, or the given order."""
        return _official(text, n) if self.official_parser else read_list(after_thinking(text), n)

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """As of any listwise method; copies of a candidate get the place of the best one, unreadable ones the last."""
        asked = replace(query, images=(self._picture(query.images),)) if query.images else query
        shown = [replace(one, images=(self._picture(one.images),)) if one.images else one for one in passages]
        scores = yield from super().steps(asked, shown)
        gaps = [sum(len(image.problems) for image in one.images if isinstance(image, Drawn)) for one in shown]
        lost = [gap > 0 and gap >= len(one.images) and one.has_no_text for gap, one in zip(gaps, passages, strict=True)]
        warnings = [why for images in (asked.images, *(one.images for one in shown)) for why in problems(images)]
        return replace(scores, scores=_collapsed(scores, passages, lost), warnings=warnings)

    def _asked(self, query: Query, *, shown: bool) -> list[tuple[str | Slot | ImageSlot, ...]]:
        """The lines about a query that is an image; none about one that is a text."""
        if not query.images:
            return []
        picture = ImageSlot(self._picture(query.images))
        if shown:
            return [("Query-Image: ", picture)]
        image, subtitle = ("Query-Video: ", "Query-Subtitle: ")
        if self.script == "msrvtt":
            image, subtitle = ("Image-1: ", "Subtitle-1: ")
        lines: list[tuple[str | Slot | ImageSlot, ...]] = [(image, picture)]
        if self.subtitles and query.text.strip():
            lines.append((subtitle, Slot(query.text)))
        return lines

    def _candidate(self, number: int, passage: Passage) -> list[tuple[str | Slot | ImageSlot, ...]]:
        text = Slot(passage.content, shrinks=True)
        if not passage.images:
            return [(f"Candidate-{number}: ", text)]
        lines: list[tuple[str | Slot | ImageSlot, ...]] = [
            (f"Image-{number}: ", ImageSlot(self._picture(passage.images)))
        ]
        if self.subtitles and not passage.has_no_text:
            lines.append((f"Subtitle-{number}: ", text))
        return lines

    def _question(self, query: Query, n: int, *, shown: bool) -> tuple[str | Slot | ImageSlot, ...]:
        if query.images and not shown:
            plain = self.script == "msrvtt" and not (self.subtitles and query.text.strip())
            above = "(above video)" if plain else "(above video and subtitle)"
            return (_TO_TEXTS.format(above=above, n=n),)
        example = " (just an example)" if self.script == "msrvtt" else ""
        asked = query.text if query.text.strip() else "the query image"
        before, after = _TO_IMAGES.replace("{example}", example).replace("{n}", str(n)).split("{query}")
        # Where only texts are ranked by a text, which the official code never does, they are not called images.
        noun = f"{n} images" if shown else f"{n} candidates"
        return (before, Slot(asked), after.replace(f"{n} images", noun))

    def _picture(self, images: Sequence[Image]) -> Image:
        if isinstance(images[0], Drawn):
            return images[0]
        if self.layout == "image" and len(images) == 1:
            return Single(images[0])
        return FrameGrid(images, self.grid)


def _official(text: str, n: int) -> Permutation:
    """The reply as the official code reads it; a list that leaves some out is completed."""
    found = _LIST.search(text)
    try:
        numbers = [int(number) for number in found[1].split(",")] if found else []
    except ValueError:
        numbers = []
    if not numbers or not all(1 <= number <= n for number in numbers):
        return Permutation(list(range(n)), n)
    return completed((number - 1 for number in numbers), n, len(numbers))


def _collapsed(scores: GroupScores, passages: Sequence[Passage], lost: Sequence[bool]) -> list[float]:
    """The scores with copies of a candidate side by side, at the place of the best copy; what was not seen is last."""
    best: dict[object, float] = {}
    names = [together(passage) for passage in passages]
    for name, score in zip(names, scores.scores, strict=True):
        best[name] = max(score, best.get(name, 0.0))
    order = sorted(range(len(passages)), key=lambda index: (lost[index], -best[names[index]]))
    return rank_scores(order) if scores.kind is ScoreKind.RANK else list(scores.scores)


METHOD = Vic
