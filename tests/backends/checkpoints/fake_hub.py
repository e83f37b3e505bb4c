"""A hub on this machine: model info, file lists and files, good and bad days, and a count of what it was asked."""

import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class FakeHub:
    """Serves folders as repositories.

    Attributes:
        repositories: The folder of each hub id.
        status: Answers everything with this status instead.
        hang: Seconds to wait before anything is answered.
        die_after: Bytes of a file after which the connection is cut, for the next `deaths` files.
        asked: Path of every request, in order, with its method.
        tokens: The Authorization header of every request.
    """

    def __init__(self, **repositories: Path) -> None:
        self.repositories = {name.replace("__", "/"): folder for name, folder in repositories.items()}
        self.status: int | None = None
        self.error_code = ""
        self.hang = 0.0
        self.die_after, self.deaths = 0, 0
        self.asked: list[str] = []
        self.tokens: list[str | None] = []
        self.released = threading.Event()
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                hub.answer(self)

            do_HEAD = do_GET

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    def asked_for(self, part: str) -> list[str]:
        return [one for one in self.asked if part in one]

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        path = unquote(urlsplit(handler.path).path)
        self.asked.append(f"{handler.command} {path}")
        self.tokens.append(handler.headers.get("Authorization"))
        if self.hang:
            self.released.wait(self.hang)
        if self.status is not None:
            return self.send(handler, self.status, b"{}", {"X-Error-Code": self.error_code} if self.error_code else {})
        for name, folder in self.repositories.items():
            if path.startswith(f"/api/models/{name}/tree/"):
                return self.send_json(handler, self.files(folder, "path"))
            if path == f"/api/models/{name}" or path.startswith(f"/api/models/{name}/revision/"):
                about = {"id": name, "sha": COMMIT, "siblings": self.files(folder, "rfilename")}
                return self.send_json(handler, about)
            if path.startswith(f"/{name}/resolve/"):
                file = folder / path.removeprefix(f"/{name}/resolve/").partition("/")[2]
                if file.is_file():
                    return self.send_file(handler, file)
                return self.send(handler, 404, b"", {"X-Error-Code": "EntryNotFound"})
        return self.send(handler, 404, b"{}", {"X-Error-Code": "RepoNotFound"})

    def files(self, folder: Path, key: str) -> list[dict]:
        files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
        return [
            {key: str(file.relative_to(folder)), "type": "file", "size": file.stat().st_size, "oid": digest(file)}
            for file in files
        ]

    def send_file(self, handler: BaseHTTPRequestHandler, file: Path) -> None:
        content = file.read_bytes()
        start = int((handler.headers.get("Range") or "bytes=0-").removeprefix("bytes=").partition("-")[0])
        headers = {"ETag": f'"{digest(file)}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        dying = handler.command == "GET" and self.deaths > 0 and len(content) > self.die_after > 0
        if dying:
            self.deaths -= 1
            handler.send_response(206 if start else 200)
            for name, value in {**headers, "Content-Length": str(len(content) - start)}.items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(content[start : start + self.die_after])
            handler.close_connection = True
            return None
        return self.send(handler, 206 if start else 200, content[start:], headers)

    def send_json(self, handler: BaseHTTPRequestHandler, value: object) -> None:
        self.send(handler, 200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def send(self, handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]) -> None:
        try:
            handler.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                handler.send_header(name, value)
            handler.end_headers()
            if handler.command != "HEAD":
                handler.wfile.write(body)
        except OSError:  # whoever asked has gone
            time.sleep(0)


def digest(file: Path) -> str:
    return hashlib.sha1(file.read_bytes()).hexdigest()
