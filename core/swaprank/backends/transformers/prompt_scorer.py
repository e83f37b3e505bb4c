"""Networks whose head gives one number for a whole prompt: what all of them share, behind a lock."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

from ...errors import SwaprankError
from ...requests import PairScored, PromptScore, Response, Usage
from ...scores.activation import sigmoid
from .._tokens.rendering import Rendering
from .._tokens.tokens import Encoded, Tokens
from .language import Network, Scored

Prompt = tuple[int, ...]
Reading = TypeVar("Reading", bound=Hashable)


class PromptScorer(ABC, Generic[Reading]):
    """A loaded network behind a lock: tokenizers and devices are used by one thread at a time.

    `Reading` is how a network may be asked to read a prompt: up to which layer, for example.

    Args:
        tokens: The model's tokenizer.
        context: Most tokens the network has positions for; None for no limit.
    """

    def __init__(self, tokens: Tokens, context: int | None) -> None:
        self._model = tokens.model
        self._rendering = Rendering(tokens, tokens.model, context)
        self._lock = threading.Lock()

    def run(self, requests: Sequence[PromptScore]) -> list[Response | SwaprankError]:
        """Answer all requests, in order; equal prompts once."""
        import torch

        with self._lock, torch.inference_mode():
            readings = [self._reading(request) for request in requests]
            encoded, found = self._read(requests, readings)
        return [
            _scored(found[reading][tuple(one.ids)], one) if isinstance(one, Encoded) else one
            for reading, one in zip(readings, encoded, strict=True)
        ]

    @abstractmethod
    def _reading(self, request: PromptScore) -> Reading:
        """How a request's prompt is read; prompts that are read alike are computed together.

        Raises:
            ConfigError: The request is for a model of another kind.
        """

    @abstractmethod
    def _logits(self, prompts: Sequence[Prompt], reading: Reading) -> list[float]:
        """The logit of each prompt; no two prompts are equal."""

    def _read(
        self, requests: Sequence[PromptScore], readings: Sequence[Reading]
    ) -> tuple[list[Encoded | SwaprankError], dict[Reading, dict[Prompt, float]]]:
        """What each request's prompt became, and the logit of each different prompt, by how it is read."""
        encoded = [self._encoded(request) for request in requests]
        asked: dict[Reading, dict[Prompt, None]] = {}
        for reading, one in zip(readings, encoded, strict=True):
            if isinstance(one, Encoded):
                asked.setdefault(reading, {})[tuple(one.ids)] = None
        return encoded, {
            reading: dict(zip(prompts, self._logits(list(prompts), reading), strict=True))
            for reading, prompts in asked.items()
        }

    def _encoded(self, request: PromptScore) -> Encoded | SwaprankError:
        """The prompt in ids, with the token that the head reads behind it; or its own error."""
        more = [] if request.end is None else [request.end]
        read = self._rendering.fitted_or_error(request, len(more))
        return Encoded([*read.ids, *more], read.cut) if isinstance(read, Encoded) else read


def read_logits(network: Network, prompts: Sequence[Prompt], batch_tokens: int) -> list[float]:
    """The head's one output for each prompt, in order."""
    logits = [0.0] * len(prompts)

    def use(places: list[int], read: Scored) -> None:
        for place, logit in zip(places, read.logits[:, 0].tolist(), strict=True):
            logits[place] = logit

    network.score(prompts, [()] * len(prompts), batch_tokens, use)
    return logits


def _scored(logit: float, read: Encoded) -> PairScored:
    return PairScored(logit, "sigmoid", sigmoid(logit), Usage(len(read.ids), 0, read.cut))
