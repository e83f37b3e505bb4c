"""Reading what servers of the OpenAI family write: completions and chat completions alike."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from .reply import number

_ID = "token_id:"


@dataclass(frozen=True, slots=True)
class Step:
    """One token that was written.

    Attributes:
        token: Its text.
        logprob: Its log-probability.
        top: Log-probabilities in its place, by token id (int) or by text (str); of equal texts the best.
    """

    token: str
    logprob: float
    top: dict[Any, float]


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer.

    Attributes:
        server: Who answered.
        text: What was written; what a server sets apart as reasoning stands before it in a `<think>` block.
        finish: The server's ``finish_reason``.
        stopped_by: The stop string or token, where the server tells it.
        steps: The tokens, where they were asked for.
        ids: Their ids, where they were asked for; without the token that ended the answer.
        read: Tokens of the prompt.
        wrote: Tokens of the answer.
    """

    server: str
    text: str
    finish: str | None
    stopped_by: Any
    steps: tuple[Step, ...]
    ids: tuple[int, ...]
    read: int
    wrote: int

    def with_text(self, text: str) -> Completion:
        """The same with another text."""
        return replace(self, text=text)


def completion_reply(server: str, payload: dict[str, Any]) -> Completion:
    """The answer in the body of a completion."""
    choice = payload["choices"][0]
    told = choice.get("logprobs") or {}
    if "content" in told:  # llama.cpp
        return _reply(server, payload, choice, _text(choice["text"]), chat_steps(told["content"] or []))
    top = told.get("top_logprobs") or [{}] * len(told.get("tokens") or [])
    steps = tuple(
        Step(token, number(logprob), {_key(key): number(value) for key, value in (best or {}).items()})
        for token, logprob, best in zip(told.get("tokens") or [], told.get("token_logprobs") or [], top, strict=True)
    )
    return _reply(server, payload, choice, _text(choice["text"]), steps)


def chat_reply(server: str, payload: dict[str, Any]) -> Completion:
    """The answer in the body of a chat completion."""
    choice = payload["choices"][0]
    message = choice["message"]
    text = _text(message.get("content"))
    reasoning = message.get("reasoning") or message.get("reasoning_content")
    if reasoning:
        text = f"<think>\n{reasoning}\n</think>\n\n{text}"
    told = (choice.get("logprobs") or {}).get("content") or []
    return _reply(server, payload, choice, text, chat_steps(told))


def chat_steps(told: list[Any]) -> tuple[Step, ...]:
    """The tokens of a chat completion's ``logprobs.content``."""
    steps = []
    for one in told:
        top: dict[Any, float] = {}
        for best in one.get("top_logprobs") or []:
            key = _key(best["token"])
            top[key] = max(number(best["logprob"]), top.get(key, float("-inf")))
        steps.append(Step(one["token"], number(one["logprob"]), top))
    return tuple(steps)


def _reply(
    server: str, payload: dict[str, Any], choice: dict[str, Any], text: str, steps: tuple[Step, ...]
) -> Completion:
    usage = payload.get("usage") or {}
    finish, stopped_by = choice.get("finish_reason"), choice.get("stop_reason")
    ids = tuple(choice.get("token_ids") or ())
    if finish == "stop" and not isinstance(stopped_by, str):
        ids = ids[:-1]
    return Completion(
        server,
        text,
        finish,
        stopped_by,
        steps,
        ids,
        int(usage.get("prompt_tokens") or 0),
        int(usage.get("completion_tokens") or 0),
    )


def _text(value: Any) -> str:
    """What was written; servers say null for nothing."""
    if not isinstance(value, str | None):
        raise TypeError(f"{value!r} is not text")
    return value or ""


def _key(token: str) -> int | str:
    """A token's id, where vLLM was asked for ids."""
    number_of = token.removeprefix(_ID)
    return int(number_of) if token.startswith(_ID) and number_of.isdecimal() else token
