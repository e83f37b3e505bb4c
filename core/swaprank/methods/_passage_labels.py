"""Passages shown under labels (`Passage A: "..."`), of which the model names one: setwise, pairwise, ielab-listwise.

ielab/llm-rankers (Apache-2.0, https://github.com/ielab/llm-rankers).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import ascii_uppercase
from typing import ClassVar, Literal

from pydantic import Field

from ..errors import ConfigError
from ..method import Method, responses_of
from ..prompt import Chat, Message, Prompt, Slot, Text
from ..requests import (
    Capability,
    Generate,
    Generated,
    LabelLogprobs,
    LabelScores,
    Request,
    Response,
    SequenceLogprob,
    SequenceScore,
)
from ..types import Passage, Query

_NAMED = re.compile(r"passage\s{1,9}([A-Z])(?!\w)", re.IGNORECASE)
_CAPITAL = re.compile(r"(?<!\w)([A-Z])(?!\w)")
_LETTER = re.compile(r"(?<!\w)([a-z])(?!\w)")
_START = " Passage:"
_T5_START = "Passage"
_T5_ANSWER = 2


class LabelChoice(Method):
    """How a label is asked for and read.

    Attributes:
        scoring: ``"generation"`` of the label, or ``"likelihood"``: the log-probability of every label.
        conversation: ``"chat"`` for the model's chat template; ``"t5"`` for encoder-decoder models, whose answer
            is made to begin with `Passage` (likelihood then takes one sequence per label).
        query_length: Most tokens of the query; None for all of it.
        passage_length: Most tokens of a passage; None for all of it.
    """

    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TEXT})

    scoring: Literal["generation", "likelihood"] = "generation"
    conversation: Literal["chat", "t5"] = "chat"
    query_length: int | None = Field(default=None, ge=1)
    passage_length: int | None = Field(default=None, ge=1)

    @property
    def required(self) -> frozenset[Capability]:
        """What the scoring reads."""
        if self.scoring == "generation":
            return frozenset({Capability.TEXT})
        return frozenset({Capability.SEQUENCE_LOGPROBS if self.conversation == "t5" else Capability.LABEL_LOGPROBS})

    def listed(self, passages: Sequence[Passage], names: str) -> tuple[str | Slot, ...]:
        """The passages by their labels."""
        return tuple(
            part
            for name, passage in zip(names, passages, strict=True)
            for part in (
                f'Passage {name}: "',
                self.passage_slot(passage.content),
                '"\n\n',
            )
        )

    def query_slot(self, query: Query) -> Slot:
        """The query, cut by tokens, as llm-rankers cuts it."""
        return Slot(query.text, max_tokens=self.query_length)

    def passage_slot(self, text: str) -> Slot:
        """A passage, cut in the same way."""
        return Slot(text, max_tokens=self.passage_length, shrinks=True)

    def requests(self, content: Text, names: str) -> list[Request]:
        """What asks for one label after ``content``."""
        prompt: Prompt = (
            content if self.conversation == "t5" else Chat((Message("user", content),), start=_START, special=True)
        )
        if self.scoring == "generation":
            t5 = self.conversation == "t5"
            return [Generate(prompt, _T5_ANSWER, start=_T5_START) if t5 else Generate(prompt, max_tokens=1)]
        if self.conversation == "t5":
            return [SequenceLogprob(prompt, f"{_T5_START} {name}") for name in names]
        return [LabelLogprobs(prompt, tuple(f" {name}" for name in names))]


def letters(n: int, method: str) -> str:
    """The first ``n`` identifiers of those that are letters.

    Raises:
        ConfigError: There are not that many.
    """
    if n > len(ascii_uppercase):
        raise ConfigError(
            f"{method!r} names passages by {len(ascii_uppercase)} letters, and was given {n} at once.",
            hint="Set a smaller window_size, group_size or num_child.",
        )
    return ascii_uppercase[:n]


def logprobs(responses: Sequence[Response]) -> tuple[float, ...]:
    """The log-probability of each label, from the responses to one prompt: one for all labels, or one for each.

    Raises:
        ResponseError: They are neither.
    """
    if isinstance(responses[0], LabelScores):
        [scores] = responses_of(LabelScores, responses)
        return scores.logprobs
    return tuple(score.logprobs[-1] for score in responses_of(SequenceScore, responses))


def chosen_label(response: Response, names: str) -> int | None:
    """The place of the label that was written; None where there is none.

    Raises:
        ResponseError: The response is not text.
    """
    [reply] = responses_of(Generated, [response])
    text = reply.text.strip()
    if len(text) > 1:
        # In a sentence the article is the likelier reading of a small "a".
        found = _NAMED.search(text) or _CAPITAL.search(text) or _LETTER.search(text)
        text = found[1] if found else ""
    label = text.upper()
    place = names.find(label) if len(label) == 1 else -1
    return place if place >= 0 else None
