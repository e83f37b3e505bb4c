"""Strict fake servers of hosted rerank services: paths, headers and bodies as their documentation prints them.

A key that the documentation does not have, a key of another type, a path or a header that is not right, more documents,
bytes or tokens than are documented, a text that is empty or too long: all are refused with the status and body of an error.
The "model" counts the words that query and passage share, and divides by ten. A token is a word.
"""

from __future__ import annotations

import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.backends.http.fake_server import shared_words
from tests.backends.http.hosted_services import Documented, Shape


class HostedServer:
    """Runs one service in threads; use it as a context manager.

    Attributes:
        bodies: The bodies of all requests.
        headers: Their headers.
        times: When they came, in seconds.
        paths: What they asked for.
        rows: How many rows it answers at once, the others by ``nextToken``; None for all.
        busy: How many requests it answers with 429 before it answers one.
        wait: The headers of a 429.
        strict: Whether bodies must have the shape that ours have; SDKs leave out, or add, what is optional.
    """

    def __init__(
        self,
        service: Documented,
        *,
        keyed: bool = True,
        rows: int | None = None,
        busy: int = 0,
        wait: dict[str, str] | None = None,
        strict: bool = True,
    ) -> None:
        self.service, self.keyed, self.rows = service, keyed, rows
        self.busy, self.wait, self.strict = busy, wait or {}, strict
        self.paths: list[str] = []
        self.times: list[float] = []
        self.bodies: list[Shape] = []
        self.headers: list[dict[str, str]] = []

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        prefix = "/providers/cohere" if self.service.path.startswith("/providers/cohere") else ""
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}{prefix}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, headers: dict[str, str], body: Shape) -> tuple[int, Any]:
        """Status and body."""
        service = self.service
        if path.partition("?")[0] != service.path:
            return 404, {"message": f"no route {path}"}
        if any(headers.get(name.lower()) != value for name, value in service.headers.items()):
            return 400, {"message": "no such version"}
        name, value = service.header
        given = headers.get(name.lower(), "")
        if self.keyed and not re.fullmatch(value, given):
            return 401, {"message": f"invalid api token {given}"}
        if len(self.times) <= self.busy:
            return 429, {"message": "too many requests"}
        start = int(body.pop("nextToken", 0)) if self.rows else 0
        wrong = _misfit(body, service.body, "body") if self.strict else ""
        if wrong:
            return 422, {"message": wrong}
        query, texts = service.texts(body)
        wrong = service.excess(query, texts)
        if wrong:
            return 400, {"message": wrong}
        scores = [shared_words(query, text) / 10 for text in texts]
        best = sorted(enumerate(scores), key=lambda row: -row[1])
        if self.rows is None:
            return 200, service.reply(best)
        stop = start + self.rows
        more = {"nextToken": str(stop)} if stop < len(best) else {}
        return 200, service.reply(best[start:stop]) | more


def _misfit(found: Any, shape: Any, where: str) -> str:
    """What does not fit; empty where all does."""
    if isinstance(shape, dict):
        if not isinstance(found, dict) or found.keys() != shape.keys():
            return f"{where} has not the keys {sorted(shape)}"
        return next((wrong for key in shape if (wrong := _misfit(found[key], shape[key], f"{where}.{key}"))), "")
    if isinstance(shape, list):
        if not isinstance(found, list) or not found:
            return f"{where} is no list"
        return next((wrong for one in found if (wrong := _misfit(one, shape[0], f"{where}[]"))), "")
    fits = type(found) is shape if isinstance(shape, type) else found == shape
    return "" if fits else f"{where} is not {shape}"


def _handler(fake: HostedServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            fake.bodies.append(body)
            fake.headers.append(headers)
            fake.paths.append(self.path)
            fake.times.append(time.monotonic())
            status, answer = fake.answer(self.path, headers, body)
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            for name, value in fake.wait.items() if status == 429 else ():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

    return Handler
