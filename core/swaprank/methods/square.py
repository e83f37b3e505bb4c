"""SQUARE's efficient batch reranking: all candidates in one numbered grid, which a vision-language model orders.

Wu, Lin, Yang, SQUARE (2025), arXiv 2509.26330. No official code was found, and the paper's prompt could not be read.
This follows the abstract; the prompt and the drawing are ours. It is no reproduction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import Field

from ..images.grid import NumberedGrid, Single
from ..method import Steps
from ..prompt import Chat, ImageSlot, Slot, user
from ..replies.parts import after_thinking
from ..replies.permutation import Permutation
from ..scores.ranks import rank_scores
from ..types import Passage, Query
from ._image_lists import Part, as_parts, problems, read_list
from ._permutation_generation import PermutationGeneration


class Square(PermutationGeneration):
    """Listwise reranking of images that are shown as one numbered grid; cheap, with less detail than single images.

    The query may be a text, an image, or an image with a text that says what to change (composed retrieval). A passage
    without an image is shown as text under its number; of several images the first is drawn.

    Attributes:
        columns: Cells of a row; None for about as many rows as columns.
        cell: Pixels of a side of a cell.
        max_tokens: Most tokens of a reply.
    """

    name: ClassVar[str] = "square"
    source: ClassVar[str] = "arXiv 2509.26330; prompt and layout ours"
    strategy_options: ClassVar[Mapping[str, Mapping[str, Any]]] = {"sliding-window": {"window_size": 16, "step": 8}}

    columns: int | None = Field(default=None, ge=1, le=16)
    cell: int = Field(default=256, ge=32, le=1024)
    max_tokens: int | None = Field(default=256, ge=1)

    @property
    def reads_images(self) -> bool:
        """Images, and texts where there are none."""
        return True

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """As of any listwise method; what could not be read and has no text ranks last."""
        asked = replace(query, images=(Single(query.images[0]),)) if query.images else query
        shown = [replace(one, images=(Single(one.images[0]),)) if one.images else one for one in passages]
        scores = yield from super().steps(asked, shown)
        lost = [bool(problems(one.images)) and one.has_no_text for one in shown]
        order = sorted(range(len(passages)), key=lambda index: (lost[index], -scores.scores[index]))
        warnings = [why for images in (asked.images, *(one.images for one in shown)) for why in problems(images)]
        return replace(scores, scores=rank_scores(order), warnings=warnings)

    def prompt(self, query: Query, passages: Sequence[Passage]) -> Chat:
        """One message: the query's image, the grid, the question."""
        n = len(passages)
        lines: list[Sequence[Part]] = []
        if query.images:
            lines.append(("Reference image: ", ImageSlot(query.images[0])))
        drawn = {number: passage.images[0] for number, passage in enumerate(passages, 1) if passage.images}
        if drawn:
            grid = NumberedGrid(list(drawn.values()), self.columns, self.cell, numbers=list(drawn))
            lines.append((f"Candidates, each under its number from [1] to [{n}]: ", ImageSlot(grid)))
        lines += [
            (f"[{number}] ", Slot(passage.content, shrinks=True))
            for number, passage in enumerate(passages, 1)
            if number not in drawn
        ]
        wanted: Sequence[Part] = ("the reference image",)
        if query.text.strip():
            said = Slot(query.text)
            wanted = ("the reference image with this change: ", said) if query.images else ("this query: ", said)
        lines.append(
            (
                f"Rank the {n} candidates from the best match to the worst for ",
                *wanted,
                f"\nAnswer with the {n} numbers only, best first, as a list such as [2,1,3].",
            )
        )
        return user(*as_parts(lines))

    def read(self, text: str, n: int) -> Permutation:
        """The first list of several numbers."""
        return read_list(text if self.official_parser else after_thinking(text), n)


METHOD = Square
