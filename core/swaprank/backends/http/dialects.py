"""In which words each rerank and score endpoint is asked, and what its reply says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import index
from typing import Any

from .reply import number

# The body that asks for the scores of texts: of the model's name, the query and the texts.
Body = Callable[[str, str, Sequence[str]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How an endpoint is spoken to.

    Attributes:
        path: Where it is; ``{model}``, ``{project}`` and ``{region}`` stand for what the config says.
        query: The key of the query in the body.
        passages: The key of the passages.
        extra: What else stands in the body.
        scores: What its scores are unless the config says otherwise: ``"probability"`` or ``"logit"``.
        limit: The key of the most tokens of a pair, where the server takes one.
        named: Whether the body names the model.
        counted: The key that says how many passages are wanted back: all of them; empty where there is none.
        body: Makes the body where it is not that of the keys above.
        rows: The keys of the list of scores in the reply, in the order in which they are looked for.
        score: The keys of a score, likewise.
        place: Reads a row's place in the passages.
        absent: What a row without a score says; None where each has one.
        page: The key of a token in a reply that has not all scores; with it, the same body asks for the rest.
    """

    path: str
    query: str = "query"
    passages: str = "documents"
    extra: Mapping[str, Any] = field(default_factory=dict)
    scores: str = "probability"
    limit: str = ""
    named: bool = True
    counted: str = "top_n"
    body: Body | None = None
    rows: tuple[str, ...] = ("data", "results")
    score: tuple[str, ...] = ("relevance_score", "score")
    place: Callable[[Mapping[str, Any]], int] = lambda row: index(row["index"])
    absent: float | None = None
    page: str = ""

    def asked(self, model: str, query: str, texts: Sequence[str]) -> dict[str, Any]:
        """The body that asks for the scores of all texts."""
        if self.body is not None:
            return self.body(model, query, texts)
        found: dict[str, Any] = {self.query: query, self.passages: list(texts), **self.extra}
        if self.named:
            found["model"] = model
        if self.counted:
            found[self.counted] = len(texts)
        return found

    def read(self, payload: Any) -> list[tuple[int, float]]:
        """Place and score of every row of a reply.

        Raises:
            LookupError, TypeError, ValueError: The reply is not what it should be.
        """
        rows = payload if isinstance(payload, list) else payload[_present(self.rows, payload)]
        return [(self.place(row), self._score(row)) for row in rows]

    def _score(self, row: Mapping[str, Any]) -> float:
        key = _present(self.score, row)
        return self.absent if self.absent is not None and key not in row else number(row[key])


def _present(keys: Sequence[str], found: Mapping[str, Any]) -> str:
    """The first key that is there; else the last one, which reading then misses by its name."""
    return next((key for key in keys if key in found), keys[-1])


def _nim(model: str, query: str, texts: Sequence[str]) -> dict[str, Any]:
    return {"model": model, "query": {"text": query}, "passages": [{"text": text} for text in texts], "truncate": "END"}


def _pinecone(model: str, query: str, texts: Sequence[str]) -> dict[str, Any]:
    # Cohere's models cut by themselves, and have other parameters.
    parameters = {} if model.startswith("cohere-") else {"parameters": {"truncate": "END"}}
    return {
        "model": model,
        "query": query,
        "documents": [{"text": text} for text in texts],
        "top_n": len(texts),
        "return_documents": False,
        **parameters,
    }


def _vertex(model: str, query: str, texts: Sequence[str]) -> dict[str, Any]:
    return {
        "model": model,
        "query": query,
        "records": [{"id": str(place), "content": text} for place, text in enumerate(texts)],
        "topN": len(texts),
        "ignoreRecordDetailsInResponse": True,
    }


def _bedrock(model: str, query: str, texts: Sequence[str]) -> dict[str, Any]:
    configuration = {"numberOfResults": len(texts), "modelConfiguration": {"modelArn": model}}
    sources = [
        {"type": "INLINE", "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": text}}} for text in texts
    ]
    return {
        "queries": [{"type": "TEXT", "textQuery": {"text": query}}],
        "sources": sources,
        "rerankingConfiguration": {
            "type": "BEDROCK_RERANKING_MODEL",
            "bedrockRerankingConfiguration": configuration,
        },
    }


RAW = {"use_activation": False}
_JINA = {"return_documents": False}
_COHERE = Dialect("/v2/rerank")
DIALECTS = {
    # Servers of one's own, and whoever speaks their words.
    "vllm-score": Dialect("/score", "text_1", "text_2", RAW, "logit", "truncate_prompt_tokens", counted=""),
    "vllm-rerank": Dialect("/v1/rerank", extra=RAW, scores="logit", limit="truncate_prompt_tokens"),
    "jina-rerank": Dialect("/v1/rerank", extra=_JINA),
    "cohere-rerank": _COHERE,
    "tei-rerank": Dialect(
        "/rerank", "query", "texts", {"raw_scores": True, "truncate": True}, "logit", named=False, counted=""
    ),
    "nim-rerank": Dialect("/v1/ranking", scores="logit", body=_nim, rows=("rankings",), score=("logit",)),
    # Hosted services.
    "azure": _COHERE,
    "bedrock": Dialect("/rerank", body=_bedrock, rows=("results",), score=("relevanceScore",), page="nextToken"),
    "cohere": _COHERE,
    "contextual": Dialect("/v1/rerank", rows=("results",), score=("relevance_score",)),
    "isaacus": Dialect("/v1/rerankings", passages="texts", rows=("results",), score=("score",)),
    "jina": Dialect("/v1/rerank", extra=_JINA),
    "mixedbread": Dialect(
        "/v1/reranking", passages="input", extra={"return_input": False}, counted="top_k", rows=("data",)
    ),
    "nvidia": Dialect(
        "/v1/retrieval/{model}/reranking", scores="logit", body=_nim, rows=("rankings",), score=("logit",)
    ),
    "pinecone": Dialect("/rerank", body=_pinecone, rows=("data",), score=("score",)),
    "together": Dialect("/v1/rerank", extra=_JINA, rows=("results",), score=("relevance_score",)),
    "vertex": Dialect(
        "/v1/projects/{project}/locations/{region}/rankingConfigs/default_ranking_config:rank",
        body=_vertex,
        rows=("records",),
        score=("score",),
        place=lambda row: int(row["id"]),
        absent=0.0,  # JSON of protocol buffers leaves out what is zero
    ),
    "voyage": Dialect(
        "/v1/rerank", extra={"return_documents": False, "truncation": True}, counted="top_k", rows=("data",)
    ),
    "zeroentropy": Dialect("/v1/models/rerank", rows=("results",), score=("relevance_score",)),
}
