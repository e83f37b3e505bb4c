"""A small strict server on 127.0.0.1 that speaks the APIs of the http backend, and fails as it is told.

Bodies are checked field by field: what a real server might ignore is a 422 here. Its "model" counts the words that
query and passage share.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from swaprank.scores.activation import sigmoid

_VLLM = {"top_p", "top_k", "min_p", "repetition_penalty", "return_tokens_as_token_ids", "return_token_ids"}
_VLLM |= {"logprob_token_ids", "prompt_logprobs"}
_WRITTEN = {"model", "temperature", "seed", "stop"}
# Required fields, and the ones that may be there besides, by path.
_FIELDS: dict[str, tuple[set[str], set[str]]] = {
    "/v1/chat/completions": (
        {"model", "messages", "temperature"},
        {"max_tokens", "max_completion_tokens", "seed", "stop", "logprobs", "top_logprobs", "chat_template_kwargs"}
        | {"continue_final_message", "add_generation_prompt", "add_special_tokens"}
        | _VLLM,
    ),
    "/v1/completions": ({"model", "prompt", "temperature", "max_tokens"}, {"seed", "stop", "logprobs"} | _VLLM),
    "/v1/embeddings": ({"model", "input", "encoding_format"}, {"truncate_prompt_tokens"}),
    "/v1/rerank": (
        {"model", "query", "documents", "top_n"},
        {"return_documents", "use_activation", "truncate_prompt_tokens"},
    ),
    "/v2/rerank": ({"model", "query", "documents", "top_n"}, set()),
    "/score": ({"model", "text_1", "text_2"}, {"use_activation", "truncate_prompt_tokens"}),
    "/rerank": ({"query", "texts"}, {"raw_scores", "truncate"}),
    "/embed": ({"inputs"}, {"truncate"}),
    "/tokenize": ({"model", "prompt"}, {"add_special_tokens"}),
}


def shared_words(query: str, passage: str) -> float:
    return float(len(set(query.lower().split()) & set(passage.lower().split())))


class Fault:
    """What goes wrong with one request: an error status, a hang, a cut connection, or a changed or given answer."""

    def __init__(
        self, kind: str, *, status: int = 500, retry_after: str | None = None, body: str = "out of order"
    ) -> None:
        self.kind, self.status, self.retry_after, self.body = kind, status, retry_after, body

    @classmethod
    def of(cls, status: int, retry_after: str | None = None, body: str = "out of order") -> Fault:
        return cls("status", status=status, retry_after=retry_after, body=body)


HANG, CUT, SHORT, NAN = (Fault(kind) for kind in ("hang", "cut", "short", "nan"))
GARBAGE = Fault("success", body="<html>gateway</html>")


class FakeServer:
    """Runs in threads; use it as a context manager.

    Args:
        key: The key it wants; None for none.
        reply: What it writes to a request body.
        top: The most likely next tokens it tells, by text or by id.
        model: The one model it serves.
        faults: What goes wrong with the first requests; `forever` goes wrong with the ones after.
        forever: The fault of every further request.
        seconds: How long an answer takes.
    """

    def __init__(
        self,
        *,
        key: str | None = None,
        reply: Callable[[dict[str, Any]], str] = lambda body: "[1]",
        top: dict[Any, float] | None = None,
        model: str = "tiny",
        faults: tuple[Fault, ...] = (),
        forever: Fault | None = None,
        seconds: float = 0.0,
    ) -> None:
        self.key, self.reply, self.top, self.model = key, reply, top or {}, model
        self.faults, self.forever, self.seconds = deque(faults), forever, seconds
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.headers: list[dict[str, str]] = []
        self.connections = self.most_at_once = self._now = 0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._sockets: set[socket.socket] = set()

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """End at once: no further connections, and the open ones are cut."""
        if self._ended.is_set():
            return
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        with self._lock:
            for one in self._sockets:
                _cut(one)
        self._thread.join()

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.requests]

    def bodies(self, path: str) -> list[dict[str, Any]]:
        return [body for asked, body in self.requests if asked == path]

    def next_fault(self) -> Fault | None:
        with self._lock:
            return self.faults.popleft() if self.faults else self.forever

    def answer(self, path: str, body: dict[str, Any]) -> Any:
        """The body of a right answer."""
        usage = {"prompt_tokens": 8, "completion_tokens": 2, "total_tokens": 10}
        if path == "/v1/completions":
            return {"choices": [self._completion(body)], "usage": usage}
        if path == "/v1/chat/completions":
            return {"choices": [self._chat(body)], "usage": usage}
        if path == "/tokenize":
            return {"tokens": [ord(letter) for letter in body["prompt"]], "count": 1, "max_model_len": 512}
        if path == "/embed":
            return [_vector(text) for text in body["inputs"]]
        if path == "/v1/embeddings":
            rows = [{"index": place, "embedding": _vector(text)} for place, text in enumerate(body["input"])]
            return {"object": "list", "data": rows[::-1], "usage": usage}
        query: str = body.get("query") or body["text_1"]
        texts: list[str] = next(body[key] for key in ("documents", "texts", "text_2") if key in body)
        raw = body.get("raw_scores") or body.get("use_activation") is False
        scores = [shared_words(query, text) for text in texts]
        if not raw:
            scores = [sigmoid(score) if "use_activation" in body else score / 100 for score in scores]
        if path == "/score":
            return {"data": [{"index": place, "score": score} for place, score in enumerate(scores)], "usage": usage}
        best = sorted(range(len(texts)), key=lambda place: -scores[place])[: body.get("top_n")]
        if path == "/rerank":
            return [{"index": place, "score": scores[place]} for place in best]
        return {"results": [{"index": place, "relevance_score": scores[place]} for place in best], "usage": usage}

    def _completion(self, body: dict[str, Any]) -> dict[str, Any]:
        top = {f"token_id:{one}": self.top[one] for one in body.get("logprob_token_ids", [])} or self.top
        text = self.reply(body)
        told = {"tokens": [text], "token_logprobs": [-0.5], "top_logprobs": [top]} if "logprobs" in body else None
        return {"text": text, "finish_reason": "stop", "stop_reason": None, "logprobs": told}

    def _chat(self, body: dict[str, Any]) -> dict[str, Any]:
        best = [{"token": token, "logprob": logprob} for token, logprob in self.top.items()]
        best = sorted(best, key=lambda one: -one["logprob"])[: body.get("top_logprobs", 0)]
        text = self.reply(body)
        told = {"content": [{"token": text, "logprob": -0.5, "top_logprobs": best}]} if body.get("logprobs") else None
        return {"message": {"role": "assistant", "content": text}, "finish_reason": "stop", "logprobs": told}


def _vector(text: str) -> list[float]:
    words = text.lower().split()
    return [1.0, *(float(words.count(word)) for word in ("green", "tea", "coffee"))]


def _shortened(answer: Any) -> Any:
    """The answer with one row fewer."""
    rows = answer if isinstance(answer, list) else next(value for value in answer.values() if isinstance(value, list))
    rows.pop()
    return answer


def _without_numbers(answer: Any) -> Any:
    """The answer with NaN in place of every fraction."""
    if isinstance(answer, dict):
        return {key: _without_numbers(value) for key, value in answer.items()}
    if isinstance(answer, list):
        return [_without_numbers(value) for value in answer]
    return float("nan") if isinstance(answer, float) else answer


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _handler(fake: FakeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            with fake._lock:
                fake.connections += 1
                fake._sockets.add(self.connection)

        def finish(self) -> None:
            with fake._lock:
                fake._sockets.discard(self.connection)
            with suppress(OSError):
                super().finish()

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            models = {"data": [{"id": fake.model, "max_model_len": 512}]}
            self._send(200, models) if self.path == "/v1/models" else self._send(404, {"detail": "Not Found"})

        def do_POST(self) -> None:
            with fake._lock:
                fake._now += 1
                fake.most_at_once = max(fake.most_at_once, fake._now)
            try:
                self._answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            except OSError:
                pass
            finally:
                with fake._lock:
                    fake._now -= 1

        def _answer(self, body: dict[str, Any]) -> None:
            with fake._lock:
                fake.requests.append((self.path, body))
                fake.headers.append(dict(self.headers))
            refusal = self._refusal(body)
            if refusal:
                return self._send(refusal[0], {"error": {"message": refusal[1]}})
            time.sleep(fake.seconds)
            fault = fake.next_fault()
            if fault is None:
                return self._send(200, fake.answer(self.path, body))
            if fault.kind == "status":
                headers = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
                return self._send(fault.status, {"error": {"message": fault.body}}, headers)
            if fault.kind == "hang":
                fake._ended.wait()
            if fault.kind in ("hang", "cut"):
                self.close_connection = True
                return _cut(self.connection)
            if fault.kind == "success":
                return self._bytes(200, fault.body.encode(), {})
            changed = {"short": _shortened, "nan": _without_numbers}[fault.kind]
            return self._send(200, changed(fake.answer(self.path, body)))

        def _refusal(self, body: dict[str, Any]) -> tuple[int, str] | None:
            if fake.key is not None and self.headers.get("authorization") != f"Bearer {fake.key}":
                return 401, f"Incorrect API key provided: {self.headers.get('authorization')}"
            if self.path not in _FIELDS:
                return 404, f"no such path: {self.path}"
            required, optional = _FIELDS[self.path]
            wrong = [*(required - body.keys()), *(body.keys() - required - optional)]
            if wrong:
                return 422, f"missing or unknown: {wrong}"
            if body.get("model", fake.model) != fake.model:
                return 404, f"The model {body['model']!r} does not exist."
            return None

        def _send(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
            self._bytes(status, json.dumps(body).encode(), headers or {})

        def _bytes(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Type": "application/json"}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
