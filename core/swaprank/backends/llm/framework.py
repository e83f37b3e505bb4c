"""The base of the adapters' LLM backends: messages, concurrency, reading labels."""

from __future__ import annotations

import asyncio
import contextvars
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from ...errors import BackendError, ConfigError, ResponseError, SwaprankError
from ...prompt import Chat, Prompt, Span, image_slots
from ...requests import Capability, Generate, Generated, LabelLogprobs, LabelScores, Request, Response, Usage
from .._common.messages import messages, written
from .._common.secrets import Secrets
from .._common.transient import TRANSIENT_STATUSES
from .options import LlmOptions

# What the names of errors that may pass have in them, across providers.
_TRANSIENT_NAMES = (
    "RateLimit",
    "Timeout",
    "Connect",
    "Overloaded",
    "ServiceUnavailable",
    "InternalServer",
    "Exhausted",
)


# Attributes that hold a credential, by the names that LLM classes give them.
_CREDENTIAL = re.compile(r"key|token|secret|passw|credential", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LlmReply:
    """One answer of an LLM.

    Attributes:
        text: What it wrote.
        cut_off: Whether its own limit of tokens ended it.
        top: Log-probabilities of the most likely first tokens, by text; empty where it returns none.
        usage: Tokens read and written, as far as it says.
    """

    text: str
    cut_off: bool = False
    top: dict[str, float] | None = None
    usage: Usage = field(default_factory=Usage)


class FrameworkLlm(ABC):
    """Answers requests with an LLM object; a call that fails costs only its own request.

    The object's own settings hold: temperature, limits, keys. A framework's callbacks and traces are told of every
    call as of any other, for it goes through the object's public methods in the caller's context.

    Args:
        options: The ``backend:`` part of the config.
        model: What reports call the model.
        has_logprobs: Whether the object's class offers log-probabilities.
    """

    name = "llm"

    def __init__(self, options: LlmOptions, model: str, *, has_logprobs: bool) -> None:
        self.options = options
        self.model = model
        capabilities = {Capability.TEXT}
        if options.logprobs or (options.logprobs is None and has_logprobs):
            capabilities.add(Capability.LABEL_LOGPROBS)
        self.capabilities = frozenset(capabilities)
        self._limit = _CallLimit(options.max_concurrency)

    @property
    def concurrency(self) -> int:
        """Batches at a time: calls are independent, and queries need not wait for one another."""
        return self.options.max_concurrency

    @abstractmethod
    def chat(self, messages: list[dict[str, Any]], stop: Sequence[str], top_logprobs: int) -> LlmReply:
        """Answer a chat.

        Args:
            messages: Messages with ``role`` and ``content``: a text, or in one that shows images a list of parts as in
                OpenAI's interface, ``text`` and ``image_url`` with a ``data:`` URL.
            stop: Strings that end the answer, for objects that take them.
            top_logprobs: How many log-probabilities of the first token are wanted; 0 for none.
        """

    @abstractmethod
    async def achat(self, messages: list[dict[str, Any]], stop: Sequence[str], top_logprobs: int) -> LlmReply:
        """As `chat`, asynchronously."""

    def run(self, requests: Sequence[Request]) -> list[Response | SwaprankError]:
        """Answer all requests, in order, each in a thread that has the caller's context."""
        if len(requests) == 1:
            return [self._answer(requests[0])]
        with ThreadPoolExecutor(min(len(requests) or 1, self.options.max_concurrency)) as threads:
            running = [threads.submit(contextvars.copy_context().run, self._answer, one) for one in requests]
            return [future.result() for future in running]

    async def arun(self, requests: Sequence[Request]) -> list[Response | SwaprankError]:
        """Answer all requests, in order."""
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(self._aanswer(one)) for one in requests]
        return [task.result() for task in running]

    def _answer(self, request: Request) -> Response | SwaprankError:
        try:
            chat = self._chat(request)
            with self._limit.threads:
                reply = self.chat(*chat)
            return self._read(request, reply)
        except Exception as error:  # objects of many hands, which raise anything
            return self._failure(error)

    async def _aanswer(self, request: Request) -> Response | SwaprankError:
        try:
            shows = isinstance(request, Generate | LabelLogprobs) and image_slots(request.prompt)
            # Images are encoded, which would hold up the event loop.
            chat = await asyncio.to_thread(self._chat, request) if shows else self._chat(request)
            async with self._limit.tasks():
                reply = await self.achat(*chat)
            return self._read(request, reply)
        except Exception as error:  # as in `_answer`
            return self._failure(error)

    def _chat(self, request: Request) -> tuple[list[dict[str, Any]], Sequence[str], int]:
        if isinstance(request, Generate):
            return _turns(request.prompt), request.stop, 0
        if isinstance(request, LabelLogprobs):
            if isinstance(request.prompt, Chat) and request.prompt.start:
                raise ConfigError(
                    f"The answer must begin with {request.prompt.start!r}, "
                    "and a framework's LLM takes no such beginning.",
                    hint="Use scoring: generation where the method has it, or backend: http.",
                )
            return _turns(request.prompt), (), self.options.top_logprobs
        raise ResponseError(f"A framework's LLM cannot answer a {type(request).__name__} request.")

    def _read(self, request: Request, reply: LlmReply) -> Response:
        if isinstance(request, LabelLogprobs):
            return LabelScores(tuple(self._label(word, reply) for word in request.labels), usage=reply.usage)
        if not isinstance(request, Generate):
            raise ResponseError(f"A framework's LLM cannot answer a {type(request).__name__} request.")
        text = reply.text
        start = request.prompt.start.strip() if isinstance(request.prompt, Chat) else ""
        if start and text.lstrip().startswith(start):
            # It had to write the beginning itself, which other backends put before its answer.
            text = text.lstrip()[len(start) :]
        ends = [text.find(stop) for stop in request.stop if stop in text]
        if ends:
            return Generated(text[: min(ends)], ending="stop", usage=reply.usage)
        return Generated(text, ending="length" if reply.cut_off else "end", usage=reply.usage)

    def _label(self, word: str, reply: LlmReply) -> float:
        top = reply.top
        if not top:
            raise ResponseError(
                f"{self.model!r} returned no log-probabilities.",
                hint="Take a method that reads text, or an LLM that returns them.",
            )
        if word in top:
            return top[word]
        if self.options.missing_label == "floor":
            return min(top.values())
        raise ResponseError(
            f"{word!r} is not among the {len(top)} most likely first tokens of {self.model!r}: {list(top)[:8]}.",
            hint="backend: {missing_label: floor} scores it as the least of them.",
        )

    def _failure(self, error: Exception) -> SwaprankError:
        if isinstance(error, SwaprankError):
            return error
        status = getattr(error, "status_code", None) or getattr(getattr(error, "response", None), "status_code", None)
        named = any(sign in type(error).__name__ for sign in _TRANSIENT_NAMES)
        message = f"{type(error).__name__}: {error}"
        secrets = Secrets(_credentials(getattr(self, "llm", None)))
        failure = BackendError(
            f"The LLM {self.model!r} failed: {secrets.masked(message)}",
            hint="The error is the framework's own.",
            retryable=named or status in TRANSIENT_STATUSES,
        )
        # A traceback prints the cause, which must not hold what the message leaves out.
        failure.__cause__ = secrets.cause(error)
        return failure


def _credentials(llm: Any) -> list[str]:
    """The keys, tokens and passwords that an LLM object holds in its own attributes, as far as their names tell."""
    held = {**getattr(llm, "__dict__", {}), **(getattr(llm, "__pydantic_private__", None) or {})}
    values = [value for name, value in held.items() if _CREDENTIAL.search(name)]
    texts = [value.get_secret_value() if isinstance(value, SecretStr) else value for value in values]
    return [text for text in texts if isinstance(text, str)]


def _turns(prompt: Prompt) -> list[dict[str, Any]]:
    """The messages of a chat; a plain prompt is one by the user."""
    if isinstance(prompt, Chat):
        return messages(prompt)
    if isinstance(prompt, Span):
        raise ConfigError(
            "This method puts its prompt together token by token, and a framework's LLM takes no tokens.",
            hint="Use backend: transformers, or http with a tokenizer.",
        )
    return [{"role": "user", "content": written(prompt)}]


class _CallLimit:
    """How many calls may run at the same time: one limit for threads, and one for each event loop."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._tasks: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = {}
        self.threads = threading.BoundedSemaphore(most)

    def tasks(self) -> asyncio.Semaphore:
        """The limit of the running loop."""
        loop = asyncio.get_running_loop()
        with self._lock:
            if loop not in self._tasks:
                self._tasks = {one: room for one, room in self._tasks.items() if not one.is_closed()}
                self._tasks[loop] = asyncio.Semaphore(self._most)
            return self._tasks[loop]

    def __getstate__(self) -> dict[str, Any]:
        """Locks do not travel."""
        return {"most": self._most}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]
