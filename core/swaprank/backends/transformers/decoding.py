"""Writing text token by token, for a batch of rows that end at different times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from ...requests import Generate, Generated
from .._tokens.answer import Answer

if TYPE_CHECKING:
    import torch

    from .._tokens.tokens import Encoded, Tokens


class Rows(Protocol):
    """A batch of prompts that has been read."""

    logits: torch.Tensor

    def advance(self, tokens: torch.Tensor, kept: torch.Tensor) -> None:
        """Go on with the rows ``kept`` by one token each."""


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
    answers = [Answer(request) for request in requests]
    labels = [[tokens.label(word) for word in request.watch] for request in requests]
    generators = [_generator(request, device) for request in requests]
    live = list(range(len(answers)))
    while True:
        logprobs = rows.logits.log_softmax(-1)
        chosen = logprobs.argmax(-1)
        for row, place in enumerate(live):
            generator = generators[place]
            if generator is not None:
                chances = (rows.logits[row] / requests[place].temperature).softmax(-1)
                chosen[row] = torch.multinomial(chances, 1, generator=generator)[0]
        values = logprobs.gather(1, chosen[:, None])[:, 0].tolist()
        going = []
        for row, (place, token, value) in enumerate(zip(live, chosen.tolist(), values, strict=True)):
            answer = answers[place]
            if labels[place]:
                answer.watched = logprobs[row, labels[place]].tolist()
            answer.take(token, value, most[place], tokens)
            if not answer.ending:
                going.append(row)
        if not going:
            break
        kept = torch.tensor(going, device=device)
        live = [live[row] for row in going]
        rows.advance(chosen[kept], kept)
    return [answer.generated(prompt, tokens) for answer, prompt in zip(answers, prompts, strict=True)]


def _generator(request: Generate, device: torch.device) -> torch.Generator | None:
    """What draws the tokens of a request; None where it is decoded greedily."""
    import torch

    if request.temperature == 0:
        return None
    generator = torch.Generator(device)
    if request.seed is None:
        generator.seed()
    else:
        generator.manual_seed(request.seed)
    return generator
