"""A text that a model writes token by token, in this process or in an engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ...requests import Generate, Generated, Usage
from .pieces import first_pieces, pieces_of

if TYPE_CHECKING:
    from .tokens import Encoded, Tokens


@dataclass(slots=True)
class Answer:
    """What has been written so far, as token ids.

    Attributes:
        request: What is wanted.
        ids: The tokens written, without one that ended the answer.
        logprobs: The log-probability of each.
        watched: The log-probability of each watched word at the last step.
        ending: What ended it; empty while it goes on.
    """

    request: Generate
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    watched: Sequence[float] = ()
    ending: Literal["stop", "end", "length", ""] = ""

    def take(self, token: int, logprob: float, most: int, tokens: Tokens) -> None:
        """Add a token, which may end the answer; ``most`` is how many tokens it may have."""
        if token in tokens.ends:
            self.ending = "end"
            return
        self.ids.append(token)
        self.logprobs.append(logprob)
        if self._has_stopped(tokens):
            self.ending = "stop"
        elif len(self.ids) >= most:
            self.ending = "length"

    def generated(self, prompt: Encoded, tokens: Tokens) -> Generated:
        """The response: the text up to the stop string, and its tokens."""
        pieces = pieces_of(self.ids, tokens)
        text = "".join(pieces)
        if self.ending == "stop":
            end = min((text.find(stop) for stop in self.request.stop if stop in text), default=len(text))
            text = text[:end]
            pieces = first_pieces(pieces, end)
        return Generated(
            text=text,
            tokens=tuple(pieces),
            logprobs=tuple(self.logprobs[: len(pieces)]),
            ending=self.ending or "length",
            watched=tuple(self.watched),
            usage=Usage(len(prompt.ids), len(self.ids), prompt.cut),
        )

    def _has_stopped(self, tokens: Tokens) -> bool:
        """Whether a stop string has just been written; a token may hold as little as a quarter of a character."""
        if not self.request.stop:
            return False
        tail = tokens.decode(self.ids[-4 * max(map(len, self.request.stop)) - 4 :])
        return any(stop in tail for stop in self.request.stop)
