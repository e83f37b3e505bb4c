"""What hosted rerank services take and answer, as their documentation prints it: docs/hosted.md has the sources."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

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
        header: Name of the header of the key ``k``, and a regular expression of its value.
        texts: Query and passages of a body.
        billed: The units that the answer says it bills.
        headers: Further headers that are demanded.
        options: What the config must say besides.
        documents: Most documents of a call.
        tokens: Most tokens of a call, where the query counts for each document.
        size: Most bytes of a call, where the query and 150 bytes count for each document.
        characters: Most characters of a text.
        empty: Whether texts may be empty.
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
    documents: int | None = None
    tokens: int | None = None
    size: int | None = None
    characters: int | None = None
    empty: bool = True

    def excess(self, query: str, texts: list[str]) -> str:
        """Which limit a call exceeds; empty where none."""
        tokens = sum(len(query.split()) + len(text.split()) for text in texts)
        size = sum(150 + len(query.encode()) + len(text.encode()) for text in texts)
        for name, found, most in (
            ("documents", len(texts), self.documents),
            ("tokens", tokens, self.tokens),
            ("bytes", size, self.size),
            ("characters", max(len(text) for text in (query, *texts)), self.characters),
        ):
            if most is not None and found > most:
                return f"{found} {name}, at most {most}"
        return "" if self.empty or all(text.strip() for text in texts) else "a text is empty"


def _rows(name: str, score: str, **others: Any) -> Callable[[list[tuple[int, float]]], Shape]:
    return lambda rows: {name: [{"index": place, score: value} for place, value in rows], **others}


_COHERE = _rows(
    "results", "relevance_score", id="x", meta={"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
)
_USED = {"prompt_tokens": 20, "total_tokens": 20}
DOCUMENTED = {
    "azure": Documented(
        "Cohere-rerank-v4.0-pro", "/providers/cohere/v2/rerank", _TEXTS, _COHERE, billed=1, documents=10_000
    ),
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
        # No key: requests are signed.
        (
            "Authorization",
            r"AWS4-HMAC-SHA256 Credential=k/\d{8}/eu-west-1/bedrock/aws4_request, SignedHeaders=\S+, Signature=\w+",
        ),
        texts=_bedrock_texts,
        options={"region": "eu-west-1"},
        documents=1_000,
        characters=32_000,
        empty=False,
    ),
    "cohere": Documented("rerank-v3.5", "/v2/rerank", _TEXTS, _COHERE, billed=1, documents=10_000),
    "contextual": Documented(
        "ctxl-rerank-v2-instruct-multilingual",
        "/v1/rerank",
        _TEXTS,
        _rows("results", "relevance_score"),
        tokens=400_000,
    ),
    "isaacus": Documented(
        "kanon-2-reranker",
        "/v1/rerankings",
        {"model": str, "query": str, "texts": [str], "top_n": int},
        _rows("results", "score", usage={"input_tokens": 20}),
        billed=20,
        empty=False,
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
        documents=1_000,
    ),
    "nvidia": Documented(
        "nvidia/llama-3.2-nv-rerankqa-1b-v2",
        "/v1/retrieval/nvidia/llama-3_2-nv-rerankqa-1b-v2/reranking",
        _NIM,
        _rows("rankings", "logit", usage=_USED),
        texts=_nested("passages", "text"),
        billed=20,
        documents=1_000,
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
        headers={"X-Pinecone-Api-Version": "2026-07"},
        documents=100,
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
        # What is zero stands in no JSON of protocol buffers.
        lambda rows: {"records": [{"id": str(place)} | ({"score": value} if value else {}) for place, value in rows]},
        texts=_nested("records", "content"),
        options={"project": "p-1"},
        documents=200,
        empty=False,
    ),
    "voyage": Documented(
        "rerank-2.5",
        "/v1/rerank",
        {"model": str, "query": str, "documents": [str], "top_k": int, "return_documents": False, "truncation": True},
        _rows("data", "relevance_score", object="list", model="m", usage={"total_tokens": 20}),
        billed=20,
        documents=1_000,
        tokens=600_000,
    ),
    "zeroentropy": Documented(
        "zerank-2",
        "/v1/models/rerank",
        _TEXTS,
        _rows("results", "relevance_score", total_bytes=99, total_tokens=20, actual_latency_mode="fast"),
        billed=20,
        size=5_000_000,
    ),
}
