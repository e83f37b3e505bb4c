"""What to say when a server does not answer, or refuses."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from ...errors import BackendError, PromptTooLongError
from .._common.secrets import Secrets
from .._common.transient import TRANSIENT_STATUSES

if TYPE_CHECKING:
    import httpx

_HINTS = {
    400: "Is the server what `api` and `server` say?",
    401: "Give the key: backend: {api_key: '${NAME}'} reads it from the environment.",
    403: "Give the key: backend: {api_key: '${NAME}'} reads it from the environment.",
    404: "Does this server know the model by this name, and is it what `api` says?",
    405: "Is the server what `api` says?",
    422: "Is the server what `api` and `server` say?",
    413: "Set a smaller batch_size.",
    429: "Set a smaller max_concurrency, or more retries.",
}
# How vLLM, SGLang, llama.cpp and OpenAI say that a prompt does not fit.
_TOO_LONG = (
    "context length",
    "context_length",
    "context size",
    "context_size",
    "max_model_len",
    "maximum model length",
    "longer than the model",
)
_SHOWN = 300


class Refused(BackendError):
    """A server answered with an error status; ``retry_after`` are the seconds it asked to wait, if it did."""

    def __init__(self, message: str, *, hint: str, retryable: bool, retry_after: float | None) -> None:
        super().__init__(message, hint=hint, retryable=retryable)
        self.retry_after = retry_after


def refused(
    server: str, path: str, response: httpx.Response, content: bytes, secrets: Secrets, key_hint: str = ""
) -> BackendError:
    """The error for a response that is not a success.

    Args:
        server: The base URL.
        path: What was asked for.
        response: The server's answer.
        content: The beginning of its body.
        secrets: What must not be repeated, even where the server does.
        key_hint: How this service is given a key.
    """
    status, pause = response.status_code, _retry_after(response)
    said, reason = secrets.masked(_message(content)), secrets.masked(response.reason_phrase)
    message = f"{server} answered {status} {reason} to {path}: {said[:_SHOWN] or '(nothing)'}"
    message = message if message.endswith((".", "!", "?")) else f"{message}."
    if status in (400, 413, 422) and any(sign in said.lower() for sign in _TOO_LONG):
        return PromptTooLongError(message, hint="Show fewer or shorter passages at a time.")
    if pause:
        message += f" It asks to wait {round(pause, 2):g} s."
    if 300 <= status < 400:
        target = secrets.masked(response.headers.get("location", ""))[:_SHOWN]
        hint = f"Redirects are not followed; is base_url complete? It leads to {target!r}."
    elif status in (401, 403) and key_hint:
        hint = f"Is the key right, and may it use this model? It is given by {key_hint}."
    else:
        hint = _HINTS.get(status, "The server's log says more." if status >= 500 else "")
    return Refused(message, hint=hint, retryable=status in TRANSIENT_STATUSES, retry_after=pause)


def no_answer(server: str, path: str, error: Exception, seconds: float, secrets: Secrets) -> BackendError:
    """The error for a connection that failed, or that brought nothing in time."""
    import httpx

    named = secrets.masked(f"{type(error).__name__}: {error}".removesuffix(": ").removesuffix("."))

    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        message, hint = f"{server} cannot be reached: {named}.", "Is it running, and is base_url right?"
    elif isinstance(error, TimeoutError | httpx.TimeoutException):
        message, hint = (
            f"{server} did not answer {path} within {seconds:.3g} s.",
            "Set a larger timeout.",
        )
    elif isinstance(error, httpx.TransportError):
        message, hint = f"{server} cut the connection at {path}: {named}.", "The server's log says more."
    else:
        message, hint = f"{server} answered {path} with what cannot be read: {named}.", "Is base_url right?"
        return BackendError(message, hint=hint)
    return BackendError(message, hint=hint, retryable=True)


def _message(content: bytes) -> str:
    """The message of an error body, in the shapes that servers have; else the body."""
    text = content.decode(errors="replace")
    try:
        body: Any = json.loads(text)
    except (ValueError, RecursionError):
        return " ".join(text.split())
    for key in ("error", "message", "detail"):
        if isinstance(body, dict) and body.get(key):
            body = body[key]
    try:
        return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    except RecursionError:
        return " ".join(text.split())


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds, given as such, in thousandths, or as a date."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return max(0.0, float(response.headers[name]) * unit)
        except (KeyError, ValueError):
            pass
    given = response.headers.get("retry-after")
    if given is None:
        return None
    try:
        until = parsedate_to_datetime(given)
    except (ValueError, OverflowError):
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())
