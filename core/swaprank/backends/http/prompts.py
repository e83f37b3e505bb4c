"""How a prompt is sent to a server of the OpenAI family: as token ids, as text, as messages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from ...errors import BackendError, ConfigError, require
from ...prompt import Chat, Span, image_slots
from ...requests import Generate, LabelLogprobs, SequenceLogprob
from .._checkpoints.failures import load_failure
from .._checkpoints.hub import HubAccess
from .._checkpoints.snapshot import snapshot
from .._common.messages import messages, written
from .._tokens.rendering import Rendering
from .._tokens.tokens import Tokens

if TYPE_CHECKING:
    from .options import HttpOptions

# Servers whose chat goes on with an assistant's message that is the last one.
CONTINUING = ("vllm", "sglang", "llama.cpp")
# Servers that hand switches on to the chat template.
_SWITCHING = ("vllm", "sglang", "llama.cpp")
# Tokens allowed beyond an answer whose beginning the model has to write itself.
_BEGINNING = 16

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PromptBody:
    """A prompt as a request body holds it.

    Attributes:
        body: The keys of the prompt.
        room: Most tokens of the answer.
        cut: How many of its slots were cut to make it fit.
        start: What the answer was to begin with, and the model has to write itself.
        ids: Its tokens, where they are known.
    """

    body: dict[str, Any]
    room: int
    cut: int = 0
    start: str = ""
    ids: tuple[int, ...] = ()


class LocalTokenizer:
    """The served model's tokenizer on this machine, in a thread of its own: loading it and long texts take time.

    Args:
        source: Hub id or folder.
        parse_control_tokens: As in the transformers backend.
    """

    def __init__(self, source: str, *, parse_control_tokens: bool) -> None:
        self._source = source
        self._parse = parse_control_tokens
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="swaprank-tokens")

    async def run(self, work: Callable[[Tokens], T]) -> T:
        """What the work makes of the tokenizer; one at a time."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: work(self._tokens))

    @cached_property
    def _tokens(self) -> Tokens:
        purpose = f"The tokenizer {self._source!r}"
        transformers = require("transformers", extra="transformers", purpose=purpose)
        files = snapshot(self._source, HubAccess(weights=False), base=False)
        try:
            loaded = transformers.AutoTokenizer.from_pretrained(files.path, **files.access.arguments())
        except Exception as error:  # loaders run code of many hands, which raises anything
            raise load_failure(self._source, error, trusted=False) from error
        return Tokens(loaded, self._source, parse_control_tokens=self._parse)


class Prompts:
    """Prompts for one api of one server.

    Args:
        options: The backend's.
        model: The served name, for messages.
        tokenizer: The served model's, where there is one.
    """

    def __init__(self, options: HttpOptions, model: str, tokenizer: LocalTokenizer | None) -> None:
        self._model = model
        self._chat = options.api == "openai-chat"
        self._server = options.server
        self._tokenizer = tokenizer

    async def generate(self, request: Generate, context: int | None) -> PromptBody:
        """A prompt whose answer is wanted."""
        if self._tokenizer is None or self._chat or image_slots(request.prompt):
            return await self._untokenized(request)

        def ids(tokens: Tokens) -> PromptBody:
            rendering = self.rendering(tokens, context)
            prompt = rendering.continued(request)
            return PromptBody(
                {"prompt": prompt.ids}, rendering.room(request, prompt), prompt.cut, ids=tuple(prompt.ids)
            )

        return await self._tokenizer.run(ids)

    async def labels(self, request: LabelLogprobs, context: int | None) -> PromptBody:
        """A prompt whose next token is wanted."""
        if self._tokenizer is None or self._chat:
            prompt_body = await self._untokenized(Generate(request.prompt, max_tokens=1))
            if prompt_body.start:
                raise ConfigError(
                    f"The answer must begin with {prompt_body.start!r}, and a chat of server: {self._server} takes no "
                    "beginning.",
                    hint="Use api: openai-completions with a tokenizer.",
                )
            return prompt_body

        def ids(tokens: Tokens) -> PromptBody:
            rendering = self.rendering(tokens, context)
            prompt = rendering.fitted(request, 1)
            return PromptBody({"prompt": prompt.ids}, 1, prompt.cut, ids=tuple(prompt.ids))

        return await self._tokenizer.run(ids)

    async def sequence(self, request: SequenceLogprob, context: int | None) -> tuple[PromptBody, list[int]]:
        """A prompt with what comes after it, and the ids of the latter."""
        if self._tokenizer is None:
            raise BackendError("Sequence log-probabilities need a tokenizer.")

        def ids(tokens: Tokens) -> tuple[PromptBody, list[int]]:
            rendering = self.rendering(tokens, context)
            after = tokens.continuation(request.continuation)
            # One more: servers insist on writing a token.
            prompt = rendering.fitted(request, len(after) + 1)
            return PromptBody({"prompt": [*prompt.ids, *after]}, 1, prompt.cut, ids=tuple(prompt.ids)), after

        return await self._tokenizer.run(ids)

    def rendering(self, tokens: Tokens, context: int | None) -> Rendering:
        """The tokenizer with the context size."""
        return Rendering(tokens, self._model, context)

    async def _untokenized(self, request: Generate) -> PromptBody:
        """The prompt as the server is to tokenise it: it cuts nothing, and refuses what does not fit."""
        prompt = request.prompt
        if isinstance(prompt, Span):
            raise ConfigError(
                "This method puts its prompt together token by token.",
                hint="Use api: openai-completions with the served model's tokenizer: <hub id or folder>.",
            )
        if self._tokenizer is not None:
            uncut = prompt
            prompt = await self._tokenizer.run(lambda tokens: tokens.cut(uncut))
        if isinstance(prompt, Chat) and self._chat:
            if image_slots(prompt):
                # Images are encoded, which would hold up the other calls.
                return await asyncio.to_thread(self._messages, prompt, request)
            return self._messages(prompt, request)
        if image_slots(prompt):
            raise ConfigError(
                "The prompt shows images, and api: openai-completions takes text.", hint="Use api: openai-chat."
            )
        if isinstance(prompt, Chat):
            raise ConfigError(
                "This method's prompt is a chat, and api: openai-completions sends it as it is.",
                hint="Use api: openai-chat, or give the served model's tokenizer, which has the chat template.",
            )
        if self._chat:
            raise ConfigError(
                "This method's prompt is not a chat: the model is to go on writing it.",
                hint="Use api: openai-completions.",
            )
        return PromptBody({"prompt": written(prompt)}, request.max_tokens)

    def _messages(self, chat: Chat, request: Generate) -> PromptBody:
        body: dict[str, Any] = {"messages": messages(chat)}
        start, room = chat.start, request.max_tokens
        if start and self._server in CONTINUING:
            body["messages"].append({"role": "assistant", "content": start})
            if self._server != "llama.cpp":
                body |= {"continue_final_message": True, "add_generation_prompt": False}
            start = ""
        elif start:
            room += _BEGINNING
        if chat.thinking is not None and self._server in _SWITCHING:
            body["chat_template_kwargs"] = {"enable_thinking": chat.thinking}
        if chat.special and self._server == "vllm":
            body["add_special_tokens"] = True
        return PromptBody(body, room, start=start)
