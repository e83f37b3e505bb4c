"""A server on 127.0.0.1 that answers every request with given bytes, whatever they are."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Self


class RawServer:
    """Use it as a context manager.

    Args:
        reply: Makes the bytes of one whole response, status line included, in pieces; may never end.
    """

    def __init__(self, reply: Callable[[], Iterable[bytes]]) -> None:
        self._reply = reply
        self.sent = 0

    def __enter__(self) -> Self:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _serve(self) -> None:
        with suppress(OSError):
            for _ in itertools.count():
                connection, _ = self._socket.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            _read_request(connection)
            for piece in self._reply():
                connection.sendall(piece)
                self.sent += len(piece)


def _read_request(connection: socket.socket) -> None:
    """All of it: a connection that is closed with bytes unread is reset, and the answer is lost."""
    with connection.makefile("rb") as lines:
        length = 0
        while (line := lines.readline().lower().strip()) != b"":
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        lines.read(length)


def response(body: bytes, status: str = "200 OK", **headers: str) -> Callable[[], Iterable[bytes]]:
    """One response with a length and a body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in named.items()),
    ]
    return lambda: ["\r\n".join([*lines, "", ""]).encode(), body]
