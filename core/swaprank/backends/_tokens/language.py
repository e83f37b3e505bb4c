"""What all language models of this process do alike: kinds of requests apart, equal ones once, errors one by one."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...errors import ImageError, PromptTooLongError, SwaprankError
from ...requests import (
    Generate,
    Generated,
    LabelLogprobs,
    LabelScores,
    Request,
    Response,
    SequenceLogprob,
    SequenceScore,
)
from .._common.distinct import Distinct
from .rendering import Rendering
from .tokens import Tokens

# Answers requests of one kind, in order.
Answering = Callable[[Sequence[Any]], Sequence[Response]]


class LanguageRunner(ABC):
    """A loaded language model behind a lock: tokenizers and devices are used by one thread at a time.

    Args:
        tokens: The model's tokenizer.
        model: The model's name in messages.
        context: Most tokens the network has positions for; None for no limit.
    """

    def __init__(self, tokens: Tokens, model: str, *, context: int | None) -> None:
        self.tokens = tokens
        self._model = model
        self._rendering = Rendering(tokens, model, context)
        self._lock = threading.Lock()

    def run(self, requests: Sequence[Request]) -> list[Response | SwaprankError]:
        """Answer all requests, in order; equal ones once, unless they are sampled.

        A prompt that is too long has a `PromptTooLongError` in place of its response, and costs the others nothing.
        """
        answers: dict[int, Response | SwaprankError] = {}
        with self._lock:
            for kind, answer in self._kinds().items():
                places = [place for place, request in enumerate(requests) if isinstance(request, kind)]
                own = _once([requests[place] for place in places], answer)
                answers.update(zip(places, own, strict=True))
        return [answers[place] for place in range(len(requests))]

    def _kinds(self) -> Mapping[type[Request], Answering]:
        """What answers each kind of request."""
        return {Generate: self._generated, LabelLogprobs: self._labelled, SequenceLogprob: self._sequenced}

    @abstractmethod
    def _generated(self, requests: Sequence[Generate]) -> list[Generated]: ...

    @abstractmethod
    def _labelled(self, requests: Sequence[LabelLogprobs]) -> list[LabelScores]: ...

    @abstractmethod
    def _sequenced(self, requests: Sequence[SequenceLogprob]) -> list[SequenceScore]: ...


def _once(requests: Sequence[Request], answer: Answering) -> list[Response | SwaprankError]:
    """The responses to requests of one kind, equal ones asked once, unless they are sampled."""
    distinct = Distinct(requests)
    if not distinct.requests:
        return []
    responses: Sequence[Response | SwaprankError]
    try:
        responses = answer(distinct.requests)
    except (PromptTooLongError, ImageError):
        responses = [_alone(request, answer) for request in distinct.requests]
    return distinct.spread(responses)


def _alone(request: Request, answer: Answering) -> Response | SwaprankError:
    try:
        return answer([request])[0]
    except (PromptTooLongError, ImageError) as error:
        return error
