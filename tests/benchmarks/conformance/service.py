"""A rerank service on this machine, which speaks as Cohere's, Jina's and Text Embeddings Inference do."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .scripts import relevance


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        texts = body.get("documents") or body.get("texts") or []
        scored = sorted(
            ({"index": place, "score": relevance(body["query"], text)} for place, text in enumerate(texts)),
            key=lambda one: -one["score"],
        )
        results = [{"index": one["index"], "relevance_score": one["score"]} for one in scored]
        answer: Any = scored if "texts" in body else {"id": "1", "results": results[: body.get("top_n") or None]}
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def rerank_service() -> Iterator[str]:
    """Its URL, while it runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
