"""UniME-V2's reranker, one candidate at a time: does it meet the requirements of the query, Yes or No?

See `_unime`. Its listwise way is `unime_v2_listwise`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from ..method import Steps
from ..prompt import Chat, user
from ..requests import Capability
from ..types import Passage, Query, ScoreKind
from ._image_prompts import placed
from ._image_yes_no import yes_no_steps
from ._unime import UnimeV2

# The official prompt, MIT.
_PROMPT = (
    "I will provide you with a query and a candidate. Please evaluate whether the candidate meets the requirements of "
    "the query. If it does, respond with 'Yes'; if it doesn't, respond with 'No'.Query:{query}Candidate:{passage}"
)


class UnimeV2Pointwise(UnimeV2):
    """Score = probability of Yes among Yes and No; the code calls it pairwise."""

    name: ClassVar[str] = "unime-v2"
    family: ClassVar[Literal["pointwise"]] = "pointwise"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.LABEL_LOGPROBS})

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Probabilities."""
        return frozenset({ScoreKind.PROBABILITY})

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One forward pass per passage."""
        return yes_no_steps(
            query, passages, self._prompt, ("Yes", "No"), single=False, max_length=None, activation="sigmoid"
        )

    def _prompt(self, query: Query, passage: Passage) -> Chat:
        return user(*placed(_PROMPT, {"query": self.shown(query), "passage": self.shown(passage)}))


METHOD = UnimeV2Pointwise
