"""Requests in token ids: prompts that leave room for their answers, and labels."""

from __future__ import annotations

from ...errors import BackendError, ImageError, PromptTooLongError, SwaprankError
from ...prompt import Prompt
from ...requests import EmbedMarks, EmbedPrompt, Generate, LabelLogprobs, PromptScore, SequenceLogprob
from .tokens import Encoded, Tokens

_Fitted = LabelLogprobs | SequenceLogprob | PromptScore | EmbedPrompt | EmbedMarks
# The least tokens that a prompt which cannot be cut further must leave for the answer.
_ANSWER = 64


class Rendering:
    """What a tokenizer and a context size make of a request.

    Args:
        tokens: The model's tokenizer.
        model: The model's name in messages.
        context: Most tokens of a prompt and its answer; None for no limit.
    """

    def __init__(self, tokens: Tokens, model: str, context: int | None) -> None:
        self.tokens = tokens
        self.context = context
        self._model = model

    def prompt(self, prompt: Prompt, limit: int | None) -> Encoded:
        """The ids of a prompt of at most ``limit`` tokens.

        Raises:
            PromptTooLongError: It does not fit.
            BackendError: It is empty.
        """
        encoded = self.tokens.encode(prompt, limit)
        if not encoded.ids:
            raise BackendError(f"The prompt {prompt!r} has no tokens for {self._model!r}.")
        return encoded

    def fitted(self, request: _Fitted, more: int = 0) -> Encoded:
        """The ids of a request's prompt, which ``more`` tokens come after.

        Raises:
            PromptTooLongError: It does not fit.
        """
        return self.prompt(request.prompt, self.limit(request.max_length, more))

    def fitted_or_error(self, request: _Fitted, more: int = 0) -> Encoded | SwaprankError:
        """As `fitted`; a prompt that cannot be read gives its own error, so that the others of a batch are answered."""
        try:
            return self.fitted(request, more)
        except (PromptTooLongError, ImageError) as error:
            return error

    def continued(self, request: Generate) -> Encoded:
        """A prompt that leaves room for its answer: for all of it, or else half the context, or else `_ANSWER`."""
        if self.context is None:
            return self.prompt(request.prompt, request.max_length)
        wanted = max(self.context - request.max_tokens, self.context // 2)
        try:
            return self.prompt(request.prompt, min(wanted, request.max_length or wanted))
        except PromptTooLongError:
            most = max(self.context - min(request.max_tokens, _ANSWER), 1)
            return self.prompt(request.prompt, min(most, request.max_length or most))

    def room(self, request: Generate, prompt: Encoded) -> int:
        """How many tokens the answer may have."""
        return request.max_tokens if self.context is None else min(request.max_tokens, self.context - len(prompt.ids))

    def limit(self, max_length: int | None, more: int = 0) -> int | None:
        """Most tokens of a prompt that ``more`` tokens come after."""
        own = None if self.context is None else self.context - more
        return min((limit for limit in (max_length, own) if limit is not None), default=None)

    def labels(self, request: LabelLogprobs) -> list[list[int]]:
        """The tokens that each label stands for."""
        if request.spellings:
            return [self.tokens.spellings(word) for word in request.labels]
        return [[self.tokens.label(word, single=request.single)] for word in request.labels]
