"""Strict fake servers of hosted rerank services: paths, headers and bodies as their documentation prints them.

A key that the documentation does not have, a key of another type, a path or a header that is not right: all are refused
with the status and body of an error. The "model" counts the words that query and passage share, and divides by ten.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.backends.http.fake_server import shared_words

Shape = dict[str, Any]
ARN = "arn:aws:bedrock:eu-west-1::foundation-model/cohere.rerank-v3-5:0"
_TEXTS: Shape = {"model": str, "query": str, "documents": [str], "top_n": int}
_NIM: Shape = {"model": str, "query": {"text": str}, "passages": [{"text": str}], "truncate": "END"}


def _texts(body: Shape) -> tuple[str, list[str]]:
    return body["query"], body.get("documents") or body.get("input") or body["texts"]


def _nested(key: str, text: str) -> Callable[[Shape], tuple[str, list[str]]]:
    return lambda body: (
        body["query"]["text"] if isinstance(body["query"], dict) else body["query"],
        [one[text] for one in body[key]],
    )


def _bedrock_texts(body: Shape) -> tuple[str, list[str]]:
    return body["queries"][0]["textQuery"]["text"], [
        one["inlineDocumentSource"]["textDocument"]["text"] for one in body["sources"]
    ]


@dataclass(frozen=True)
class Documented:
    """One service, as it is documented.

    Attributes:
        model: A model of it.
        path: Where it is asked.
        body: The shape of a request: every key, and the type or the value of it.
        reply: The body of an answer to the rows (place, score), best first.
        header: Name and value of the header of the key ``k``.
        texts: Query and passages of a body.
        billed: The units that the answer says it bills.
        headers: Further headers that are demanded.
        options: What the config must say besides.
    """

    model: str
    path: str
    body: Shape
    reply: Callable[[list[tuple[int, float]]], Any]
    header: tuple[str, str] = ("Authorization", "Bearer k")
    texts: Callable[[Shape], tuple[str, list[str]]] = _texts
    billed: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    options: Shape = field(default_factory=dict)


def _rows(name: str, score: str, **others: Any) -> Callable[[list[tuple[int, float]]], Shape]:
    return lambda rows: {name: [{"index": place, score: value} for place, value in rows], **others}


_COHERE = _rows(
    "results", "relevance_score", id="x", meta={"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
)
_USED = {"prompt_tokens": 20, "total_tokens": 20}
DOCUMENTED = {
    "azure": Documented("Cohere-rerank-v4.0-pro", "/providers/cohere/v2/rerank", _TEXTS, _COHERE, billed=1),
    "bedrock": Documented(
        "cohere.rerank-v3-5:0",
        "/rerank",
        {
            "queries": [{"type": "TEXT", "textQuery": {"text": str}}],
            "sources": [{"type": "INLINE", "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": str}}}],
            "rerankingConfiguration": {
                "type": "BEDROCK_RERANKING_MODEL",
                "bedrockRerankingConfiguration": {
                    "numberOfResults": int,
                    "modelConfiguration": {"modelArn": ARN},
                },
            },
        },
        _rows("results", "relevanceScore"),
        texts=_bedrock_texts,
        options={"region": "eu-west-1"},
    ),
    "cohere": Documented("rerank-v3.5", "/v2/rerank", _TEXTS, _COHERE, billed=1),
    "contextual": Documented(
        "ctxl-rerank-v2-instruct-multilingual", "/v1/rerank", _TEXTS, _rows("results", "relevance_score")
    ),
    "isaacus": Documented(
        "kanon-2-reranker",
        "/v1/rerankings",
        {"model": str, "query": str, "texts": [str], "top_n": int},
        _rows("results", "score", usage={"input_tokens": 20}),
        billed=20,
    ),
    "jina": Documented(
        "jina-reranker-v2-base-multilingual",
        "/v1/rerank",
        {**_TEXTS, "return_documents": False},
        _rows("results", "relevance_score", model="m", usage={"total_tokens": 20}),
        billed=20,
    ),
    "mixedbread": Documented(
        "mixedbread-ai/mxbai-rerank-large-v2",
        "/v1/reranking",
        {"model": str, "query": str, "input": [str], "top_k": int, "return_input": False},
        _rows("data", "score", object="list", model="m", top_k=3, return_input=False, usage=_USED),
        billed=20,
    ),
    "nvidia": Documented(
        "nvidia/llama-3.2-nv-rerankqa-1b-v2",
        "/v1/retrieval/nvidia/llama-3_2-nv-rerankqa-1b-v2/reranking",
        _NIM,
        _rows("rankings", "logit"),
        texts=_nested("passages", "text"),
    ),
    "pinecone": Documented(
        "bge-reranker-v2-m3",
        "/rerank",
        {
            "model": str,
            "query": str,
            "documents": [{"text": str}],
            "top_n": int,
            "return_documents": False,
            "parameters": {"truncate": "END"},
        },
        _rows("data", "score", model="m", usage={"rerank_units": 1}),
        ("Api-Key", "k"),
        _nested("documents", "text"),
        billed=1,
        headers={"X-Pinecone-Api-Version": "2025-10"},
    ),
    "together": Documented(
        "mixedbread-ai/mxbai-rerank-large-v2",
        "/v1/rerank",
        {**_TEXTS, "return_documents": False},
        _rows("results", "relevance_score", object="rerank", id="x", model="m", usage=_USED),
        billed=20,
    ),
    "vertex": Documented(
        "semantic-ranker-default@latest",
        "/v1/projects/p-1/locations/global/rankingConfigs/default_ranking_config:rank",
        {
            "model": str,
            "query": str,
            "records": [{"id": str, "content": str}],
            "topN": int,
            "ignoreRecordDetailsInResponse": True,
        },
        lambda rows: {"records": [{"id": str(place), "score": value} for place, value in rows]},
        texts=_nested("records", "content"),
        options={"project": "p-1"},
    ),
    "voyage": Documented(
        "rerank-2.5",
        "/v1/rerank",
        {"model": str, "query": str, "documents": [str], "top_k": int, "return_documents": False, "truncation": True},
        _rows("data", "relevance_score", object="list", model="m", usage={"total_tokens": 20}),
        billed=20,
    ),
    "zeroentropy": Documented(
        "zerank-2",
        "/v1/models/rerank",
        _TEXTS,
        _rows("results", "relevance_score", total_bytes=99, total_tokens=20, actual_latency_mode="fast"),
        billed=20,
    ),
}


class HostedServer:
    """Runs one service in threads; use it as a context manager.

    Attributes:
        bodies: The bodies of all requests.
        headers: Their headers.
        rows: How many rows it answers at once, the others by ``nextToken``; None for all.
    """

    def __init__(self, service: Documented, *, keyed: bool = True, rows: int | None = None) -> None:
        self.service, self.keyed, self.rows = service, keyed, rows
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
        if path != service.path:
            return 404, {"message": f"no route {path}"}
        wanted = service.headers | dict([service.header] if self.keyed else [])
        if any(headers.get(name.lower()) != value for name, value in wanted.items()):
            return 401, {"message": "invalid api token"}
        start = int(body.pop("nextToken", 0)) if self.rows else 0
        wrong = _misfit(body, service.body, "body")
        if wrong:
            return 422, {"message": wrong}
        query, texts = service.texts(body)
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
            status, answer = fake.answer(self.path, headers, body)
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Handler
