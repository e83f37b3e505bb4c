"""duoT5: an encoder-decoder trained to say whether the first of two passages is more relevant than the second.

Paper: https://arxiv.org/abs/2101.05667. Prompt and sums of rank_llm, `rerank/pairwise/duot5.py`
(https://github.com/castorini/rank_llm, Apache-2.0). Unlike that code, which reads every pair in one order only and
gives each passage half of the prompt, this asks in both orders as the paper does, and a long passage may take what a
short one leaves.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from ..method import GroupScores, Method, Steps, label_scores
from ..prompt import Slot
from ..requests import Capability, LabelLogprobs
from ..scores.activation import sigmoid
from ..types import Passage, Query, ScoreKind, readable
from ._logit_margin import margins
from ._passage_text import mended, unbracketed


class DuoT5(Method):
    """Score = sum over a passage's pairs of the probability that it is the more relevant one.

    Attributes:
        max_length: Most tokens of the prompt; the passages are cut so that it fits, the longer first.
        query_max_length: Most tokens of the query, so that a long one leaves room for the passages; None for the whole
            query, which is an error where it fills the prompt.
        both_orders: Whether each pair is asked in both orders, as in the paper; otherwise only with the passage first
            that comes first among the candidates, as rank_llm does.
    """

    name: ClassVar[str] = "duot5"
    family: ClassVar[Literal["pairwise"]] = "pairwise"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.LABEL_LOGPROBS})
    strategy: ClassVar[str] = "all-pairs"
    strategy_options: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "heap-sort": {"num_child": 2, "set_size": 2},
        "bubble-sort": {"num_child": 1},
    }
    source: ClassVar[str] = "https://github.com/castorini/rank_llm, rerank/pairwise/duot5.py (Apache-2.0)"

    max_length: int = Field(default=512, ge=128)
    query_max_length: int | None = Field(default=None, ge=1)
    both_orders: bool = True

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Sums of probabilities, which grow with the number of passages."""
        return frozenset({ScoreKind.OTHER})

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One or two prompts per pair of the group."""
        shown = [_mended(passage) for passage in passages]
        places = range(len(passages))
        orders = list((itertools.permutations if self.both_orders else itertools.combinations)(places, 2))
        responses = yield from label_scores([self._request(query, shown[a], shown[b]) for a, b in orders])
        scores = [0.0] * len(passages)
        for (first, second), margin in zip(orders, margins(responses), strict=True):
            preferred = sigmoid(margin)
            scores[first] += preferred
            scores[second] += 1 - preferred
        return GroupScores(scores=scores, kind=ScoreKind.OTHER)

    def _request(self, query: Query, first: str, second: str) -> LabelLogprobs:
        prompt = (
            "Query: ",
            Slot(unbracketed(query.text), max_tokens=self.query_max_length),
            " Document0: ",
            Slot(first, shrinks=True, reread=True),
            " Document1: ",
            Slot(second, shrinks=True, reread=True),
            " Relevant: ",
        )
        return LabelLogprobs(prompt, ("true", "false"), max_length=self.max_length)


def _mended(passage: Passage) -> str:
    """The document as rank_llm shows it."""
    text = f"Title: {passage.title} Content: {passage.text}" if passage.title else passage.text
    return unbracketed(" ".join(mended(readable(text.strip())).split()))


METHOD = DuoT5
