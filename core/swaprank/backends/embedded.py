"""Models that come with the package: BM25 and static embeddings; no download, no torch, no GPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ..backend import Backend, BackendOptions, LocalBackend
from ..errors import ConfigError, ResponseError
from ..requests import Capability, Embed, Embedded, Lexical, Request, Response, Usage
from . import _lexical, _static
from ._shared import shared

_CAPABILITIES = frozenset({Capability.LEXICAL, Capability.EMBEDDINGS})
_MODELS = ("", "wordllama")


class EmbeddedOptions(BackendOptions):
    """``backend: {type: embedded}``; there is nothing to set."""

    name: ClassVar[str] = "embedded"
    capabilities: ClassVar[frozenset[Capability]] = _CAPABILITIES

    def build(self, model: str) -> Backend:
        """The backend; ``model`` is empty or ``wordllama``, the one embedding table there is."""
        if model not in _MODELS:
            raise ConfigError(
                f"The embedded backend has no model {model!r}.",
                hint="It carries 'wordllama'. For a hub id or a folder use backend: transformers.",
            )
        return EmbeddedBackend(model)


class EmbeddedBackend(LocalBackend):
    """Answers `Lexical` and `Embed` requests in this process, deterministically."""

    name = "embedded"
    capabilities = _CAPABILITIES

    def __init__(self, model: str = "") -> None:
        self.model = model

    def run(self, requests: Sequence[Request]) -> list[Response]:
        """Answer all requests, in order."""
        embedded = iter(self._embed([request for request in requests if isinstance(request, Embed)]))
        return [self._answer(request) if not isinstance(request, Embed) else next(embedded) for request in requests]

    def _answer(self, request: Request) -> Response:
        if isinstance(request, Lexical):
            return _lexical.bm25_scores(request)
        raise ResponseError(f"The embedded backend cannot answer a {type(request).__name__} request.")

    def _embed(self, requests: list[Embed]) -> list[Embedded]:
        if not requests:
            return []
        table = shared("wordllama", _static.StaticEmbeddings)
        self._table = table
        answers = []
        for request, encoding in zip(
            requests, table.encodings([(request.prompt or "") + request.text for request in requests]), strict=True
        ):
            ids = encoding.ids[: request.max_length]
            answers.append(Embedded(vector=table.pooled(ids), usage=Usage(input_tokens=len(ids))))
        return answers


BACKEND = EmbeddedOptions
