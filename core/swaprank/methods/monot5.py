"""monoT5: an encoder-decoder trained to say true or false about one pair.

Paper: https://arxiv.org/abs/2003.06713. Two protocols, same weights: that of pygaggle and llm-rankers
(https://github.com/ielab/llm-rankers, Apache-2.0), and that of rank_llm (https://github.com/castorini/rank_llm,
Apache-2.0), which mends and re-reads the text first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from ..method import GroupScores, Method, Steps, label_scores
from ..prompt import Slot
from ..requests import Capability, LabelLogprobs
from ..scores.activation import sigmoid
from ..types import Passage, Query, ScoreKind, readable
from ._logit_margin import margins
from ._passage_text import mended, unbracketed

# What rank_llm keeps free for the answer.
_RESERVED = 64
# What it takes off the document for the special tokens, which its count of the frame already holds.
_SPECIAL = 2


class MonoT5(Method):
    """Score = probability of the first word among the two.

    Attributes:
        protocol: ``"pygaggle"``, or ``"rank_llm"``: text repaired by ftfy, white space joined, ``[1]``
            turned into ``(1)``, the document always re-read through the tokenizer.
        max_length: Most tokens of the prompt; the document is cut so that it fits. None for no cut.
            ``"rank_llm"`` keeps 64 of them free, and cuts the document before it re-reads it.
        query_max_length: Most tokens of the query under ``"pygaggle"``, so that a long one leaves room for the
            document; None for the whole query, which is an error where it fills the prompt. The official code cuts the
            end of the prompt, and with it the document and the word that asks.
        words: What the model says about a relevant and about an irrelevant pair; multilingual models were
            trained with other words, such as yes and no.
    """

    name: ClassVar[str] = "monot5"
    family: ClassVar[Literal["pointwise"]] = "pointwise"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.LABEL_LOGPROBS})
    source: ClassVar[str] = "https://github.com/ielab/llm-rankers b36517bf, https://github.com/castorini/rank_llm"

    protocol: Literal["pygaggle", "rank_llm"] = "pygaggle"
    max_length: int | None = Field(default=512, ge=80)
    query_max_length: int | None = Field(default=None, ge=1)
    words: tuple[str, str] = ("true", "false")

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.query_max_length is not None and self.protocol != "pygaggle":
            raise ValueError(f"query_max_length is for protocol: pygaggle, not {self.protocol}")
        return self

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Probabilities."""
        return frozenset({ScoreKind.PROBABILITY})

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One encoder pass and one decoder step per passage."""
        responses = yield from label_scores([self._request(query, passage) for passage in passages])
        return GroupScores(scores=[sigmoid(margin) for margin in margins(responses)], kind=ScoreKind.PROBABILITY)

    def _request(self, query: Query, passage: Passage) -> LabelLogprobs:
        if self.protocol == "pygaggle":
            prompt: tuple[str | Slot, ...] = (
                "Query: ",
                Slot(query.text, max_tokens=self.query_max_length),
                " Document: ",
                Slot(passage.content, shrinks=True),
                " Relevant:",
            )
            return LabelLogprobs(prompt, self.words, max_length=self.max_length)
        limit = None if self.max_length is None else self.max_length - _RESERVED
        document = Slot(
            _mended(passage),
            max_tokens=None if limit is None else max(0, limit - _SPECIAL),
            shrinks=True,
            reread=True,
            # Counted before brackets are replaced, and with the blank that stands last.
            minus=f"Query: {query.text} Document:  Relevant: ",
        )
        prompt = ("Query: ", Slot(unbracketed(query.text)), " Document: ", document, " Relevant: ")
        return LabelLogprobs(prompt, self.words, max_length=limit)


def _mended(passage: Passage) -> str:
    """The document as rank_llm shows it."""
    text = f"Title: {passage.title} Content: {passage.text}" if passage.title else passage.text
    return unbracketed(" ".join(mended(readable(text.strip())).split()))


METHOD = MonoT5
