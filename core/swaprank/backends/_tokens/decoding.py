"""Writing text token by token, for a batch of rows that end at different times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from ...requests import Generate, Generated, Usage

if TYPE_CHECKING:
    import torch

    from .tokens import Encoded, Tokens


class Rows(Protocol):
    """A batch of prompts that has been read."""

    logits: torch.Tensor

    def advance(self, tokens: torch.Tensor, kept: torch.Tensor) -> None:
        """Go on with the rows ``kept`` by one token each."""


@dataclass(slots=True)
class Row:
    """One answer on its way.

    Attributes:
        request: What is wanted.
        labels: The tokens that the watched words stand for.
        most: Most tokens to write.
        generator: Draws the tokens above temperature 0.
        ids: The tokens written so far.
        logprobs: The log-probability of each.
        watched: Log-probability of each of `labels` at the last step.
        ending: What ended it; empty while it goes on.
    """

    request: Generate
    labels: list[int] = field(default_factory=list)
    most: int = 0
    generator: torch.Generator | None = None
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    watched: tuple[float, ...] = ()
    ending: Literal["stop", "end", "length", ""] = ""


def generate(
    rows: Rows, requests: Sequence[Generate], prompts: Sequence[Encoded], most: Sequence[int], tokens: Tokens
) -> list[Generated]:
    """Continue each row until its end; rows that have ended cost nothing more.

    Args:
        rows: The prompts, read.
        requests: What is wanted of each row.
        prompts: The prompts of the rows, for the count of tokens.
        most: Most tokens to write in each row.
        tokens: The tokenizer.
    """
    import torch

    device = rows.logits.device
    states = [
        Row(request, [tokens.label(word) for word in request.watch], limit, _generator(request, device))
        for request, limit in zip(requests, most, strict=True)
    ]
    live = list(range(len(states)))
    while True:
        logprobs = rows.logits.log_softmax(-1)
        chosen = logprobs.argmax(-1)
        for row, place in enumerate(live):
            if states[place].generator is not None:
                chosen[row] = _sampled(rows.logits[row], states[place])
        values = logprobs.gather(1, chosen[:, None])[:, 0].tolist()
        going = []
        for row, (place, token, value) in enumerate(zip(live, chosen.tolist(), values, strict=True)):
            state = states[place]
            if state.labels:
                state.watched = tuple(logprobs[row, state.labels].tolist())
            _take(state, token, value, tokens)
            if not state.ending:
                going.append(row)
        if not going:
            break
        kept = torch.tensor(going, device=device)
        live = [live[row] for row in going]
        rows.advance(chosen[kept], kept)
    return [finished(state, prompt, tokens) for state, prompt in zip(states, prompts, strict=True)]


def _take(state: Row, token: int, logprob: float, tokens: Tokens) -> None:
    if token in tokens.ends:
        state.ending = "end"
        return
    state.ids.append(token)
    state.logprobs.append(logprob)
    if _stopped(state, tokens):
        state.ending = "stop"
    elif len(state.ids) >= state.most:
        state.ending = "length"


def _stopped(state: Row, tokens: Tokens) -> bool:
    """Whether a stop string has just been written; a token may hold as little as a quarter of a character."""
    if not state.request.stop:
        return False
    tail = tokens.decode(state.ids[-4 * max(map(len, state.request.stop)) - 4 :])
    return any(stop in tail for stop in state.request.stop)


def _generator(request: Generate, device: torch.device) -> torch.Generator | None:
    import torch

    if request.temperature == 0:
        return None
    generator = torch.Generator(device)
    if request.seed is None:
        generator.seed()
    else:
        generator.manual_seed(request.seed)
    return generator


def _sampled(logits: torch.Tensor, state: Row) -> torch.Tensor:
    import torch

    chances = (logits / state.request.temperature).softmax(-1)
    return torch.multinomial(chances, 1, generator=state.generator)[0]


def finished(state: Row, prompt: Encoded, tokens: Tokens) -> Generated:
    """The answer that has ended: its text up to the stop string, and its tokens."""
    pieces = pieces_of(state.ids, tokens)
    text = "".join(pieces)
    if state.ending == "stop":
        end = min((text.find(stop) for stop in state.request.stop if stop in text), default=len(text))
        text = text[:end]
        pieces = first_pieces(pieces, end)
    return Generated(
        text=text,
        tokens=tuple(pieces),
        logprobs=tuple(state.logprobs[: len(pieces)]),
        ending=state.ending or "length",
        watched=state.watched,
        usage=Usage(len(prompt.ids), len(state.ids), prompt.cut),
    )


def pieces_of(ids: Sequence[int], tokens: Tokens) -> list[str]:
    """The text of each token: together they are the decoded text.

    A token may change how the ones before it decode (half characters, joined spaces), so the text of a
    token is what it adds to the text of some tokens before it; where that does not come out, of all.
    """
    whole = tokens.decode(ids)
    for window in (16, len(ids)):
        pieces = []
        for end in range(1, len(ids) + 1):
            start = max(0, end - window)
            before, here = _settled(tokens, ids[start : end - 1]), _settled(tokens, ids[start:end])
            pieces.append(here[len(before) :])
        if pieces:
            pieces[-1] += tokens.decode(ids[-window:])[len(_settled(tokens, ids[-window:])) :]
        if "".join(pieces) == whole:
            return pieces
    return [*[""] * (len(ids) - 1), whole] if ids else []


def _settled(tokens: Tokens, ids: Sequence[int]) -> str:
    """The text of ids as far as further tokens cannot change it: without a character that is not whole yet."""
    return tokens.decode(ids).rstrip("\ufffd")


def first_pieces(pieces: Sequence[str], length: int) -> list[str]:
    """The first pieces that make up ``length`` characters, the last of them cut."""
    short = []
    for piece in pieces:
        if length <= 0:
            break
        short.append(piece[:length])
        length -= len(piece)
    return short
