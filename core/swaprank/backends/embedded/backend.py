"""Models that come with the package: BM25 and static embeddings; no download, no torch, no GPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...backend import BackendOptions, LocalBackend
from ...bm25 import candidates
from ...errors import ConfigError, ResponseError
from ...requests import (
    Embed,
    Embedded,
    EmbedTokens,
    Lexical,
    LexicalBlend,
    Request,
    Response,
    TokenEmbeddings,
    Usage,
)
from .._common.shared import shared
from . import lexical, static
from .options import EmbeddedOptions

_MODELS = ("", "wordllama")


class EmbeddedBackend(LocalBackend):
    """Answers lexical and embedding requests in this process, deterministically.

    Args:
        model: Empty or ``wordllama``, the one embedding table there is.
        options: There is nothing to set.

    Raises:
        ConfigError: Any other model.
    """

    Options = EmbeddedOptions

    def __init__(self, model: str = "", options: BackendOptions | None = None) -> None:
        if model not in _MODELS:
            raise ConfigError(
                f"The embedded backend has no model {model!r}.",
                hint="It carries 'wordllama'. For a hub id or a folder use backend: transformers.",
            )
        super().__init__(model, options or EmbeddedOptions())
        self._table: static.StaticEmbeddings | None = None

    def run(self, requests: Sequence[Request]) -> list[Response]:
        """Answer all requests, in order."""
        texts = [request for request in requests if isinstance(request, Embed | EmbedTokens)]
        embedded = iter(self._embed(texts) if texts else [])
        return [
            next(embedded) if isinstance(request, Embed | EmbedTokens) else self._match(request) for request in requests
        ]

    def __getstate__(self) -> dict[str, Any]:
        """Pickle without the table."""
        return {**super().__getstate__(), "_table": None}

    def _loaded(self) -> static.StaticEmbeddings:
        """The table, held from now on: a shared model is dropped when nobody holds it."""
        self._table = table = shared("wordllama", static.StaticEmbeddings)
        return table

    def _embed(self, requests: Sequence[Embed | EmbedTokens]) -> list[Response]:
        table = self._loaded()
        texts = [request.text if isinstance(request, EmbedTokens) else _prompted(request) for request in requests]
        responses: list[Response] = []
        for request, text, encoding in zip(requests, texts, table.encodings(texts), strict=True):
            ids = encoding.ids[: request.max_length]
            covered, usage = table.coverage(text, encoding), Usage(input_tokens=len(ids))
            if isinstance(request, Embed):
                responses.append(Embedded(table.pooled(ids), covered, usage))
            else:
                responses.append(TokenEmbeddings(ids, table.vectors, ids, covered, usage))
        return responses

    def _match(self, request: Request) -> Response:
        if isinstance(request, Lexical):
            return candidates.bm25_scores(request)
        if isinstance(request, LexicalBlend):
            return lexical.blended_scores(request, self._loaded())
        raise ResponseError(f"The embedded backend cannot answer a {type(request).__name__} request.")


def _prompted(request: Embed) -> str:
    return (request.prompt or "") + request.text
