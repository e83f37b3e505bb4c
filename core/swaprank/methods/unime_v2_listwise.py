"""UniME-V2's reranker, listwise: the model names the candidate that best meets the requirements of the query.

See `_unime`. It names one candidate only, so a strategy asks again for the following places.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ..method import GroupScores, Steps, generate
from ..prompt import ImageSlot, Slot, user
from ..requests import Capability, Generate
from ..types import Passage, Query, ScoreKind
from ._image_prompts import placed, readable
from ._unime import UnimeV2

# The official prompt, MIT.
_OPENING = (
    "I will provide you with a query followed by multiple candidates in the format: (1) cand1 (2) cand2, etc. Each "
    "candidate is independent of the others. Evaluate each candidate against the query, and respond with the number "
    "corresponding to the candidate that best meets the requirements of the query.Query:{query}Candidates:"
)
# Numbers of so many digits name no candidate.
_CHOSEN = re.compile(r"\((\d{1,9})\)")


class UnimeV2Listwise(UnimeV2):
    """Picks the best of a small set; trained with up to ten candidates, the right one among the first five.

    Attributes:
        max_tokens: Most tokens of a reply. Officially 128; the answer is ``Ans: (3)``.
    """

    name: ClassVar[str] = "unime-v2-listwise"
    family: ClassVar[Literal["setwise"]] = "setwise"
    strategy: ClassVar[str] = "heap-sort"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TEXT})

    max_tokens: int = Field(default=128, ge=1)

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Ranks."""
        return frozenset({ScoreKind.RANK})

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One prompt per set. An unreadable answer picks none: in a sort, the first shown stays."""
        n = len(passages)
        if n == 1:
            return GroupScores(scores=[1.0], kind=ScoreKind.RANK)
        query, seen, problems = readable(query, passages)
        parts: list[str | Slot | ImageSlot] = list(placed(_OPENING, {"query": self.shown(query)}))
        for number, passage in enumerate(seen, 1):
            parts += [f"({number}) ", *self.shown(passage)]
        [reply] = yield from generate([Generate(user(*parts), self.max_tokens)])
        chosen = read_choice(reply.text, n)
        return GroupScores(
            scores=[float(place == chosen) for place in range(n)],
            kind=ScoreKind.RANK,
            repairs=int(chosen is None),
            warnings=problems,
        )


def read_choice(text: str, n: int) -> int | None:
    """The place of the candidate that a reply names, by the first number in brackets; None for none of them."""
    found = _CHOSEN.search(text)
    place = -1 if found is None else int(found[1]) - 1
    return place if 0 <= place < n else None


METHOD = UnimeV2Listwise
