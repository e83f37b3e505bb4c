"""BM25 and static embeddings, without torch and without a GPU.

The table of embeddings is wordllama's, which a package carries, or one in model2vec's format.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...backend import LocalBackend
from ...bm25 import candidates
from ...errors import MissingTableError, ResponseError, SwaprankError
from ...requests import (
    Capability,
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
from .._checkpoints.snapshot import fingerprints, snapshot
from .._common.shared import shared
from . import lexical, static
from .model2vec import Model2VecTable
from .options import EmbeddedOptions

_CARRIED = ("", "wordllama")


class EmbeddedBackend(LocalBackend):
    """Answers lexical and embedding requests in this process, deterministically.

    Args:
        model: Empty or ``wordllama`` for the table that a package carries; else a hub id, a folder, or
            ``package:<import name>/<folder>`` with a table in model2vec's format.
        options: How much of a text is read, and how a model of the hub is got.
    """

    Options = EmbeddedOptions

    def __init__(self, model: str = "", options: EmbeddedOptions | None = None) -> None:
        options = options or EmbeddedOptions()
        super().__init__(model, options)
        self._max_characters = options.max_characters
        self._access = options.hub()
        self._table: static.StaticEmbeddings | Model2VecTable | None = None

    def run(self, requests: Sequence[Request]) -> list[Response | SwaprankError]:
        """Answer all requests, in order; without the table, embeddings by an error and a lexical match without it."""
        texts = [request for request in requests if isinstance(request, Embed | EmbedTokens)]
        embedded = self._embed(texts)
        return [
            next(embedded) if isinstance(request, Embed | EmbedTokens) else self._match(request) for request in requests
        ]

    def warm_up(self, needs: Collection[Capability]) -> None:
        """Read the embedding table, where embeddings are asked for."""
        if Capability.EMBEDDINGS in needs or Capability.TOKEN_EMBEDDINGS in needs:
            # That there is none is said by what asks for it, which may do without.
            with suppress(MissingTableError):
                self._loaded()

    def identity(self) -> str:
        """Model, options, and the commit of a repository or what a folder holds."""
        files = [] if self.model in _CARRIED else fingerprints([(self.model, self._access)])
        return "".join([super().identity(), *files])

    def close(self) -> None:
        """Let the embedding table go; the next request reads it anew."""
        self._table = None

    def __getstate__(self) -> dict[str, Any]:
        """Pickle without the table."""
        return {**super().__getstate__(), "_table": None}

    def _loaded(self) -> static.StaticEmbeddings | Model2VecTable:
        """The table, held from now on: a shared model is dropped when nobody holds it."""
        table: static.StaticEmbeddings | Model2VecTable
        if self.model in _CARRIED:
            table = shared("wordllama", static.StaticEmbeddings)
        else:
            table = shared(("model2vec", self.model, self._access), self._fetched)
        self._table = table
        return table

    def _fetched(self) -> Model2VecTable:
        return Model2VecTable(Path(snapshot(self.model, self._access).path), self.model)

    def _embed(self, requests: Sequence[Embed | EmbedTokens]) -> Iterator[Response | SwaprankError]:
        if not requests:
            return
        try:
            table = self._loaded()
        except SwaprankError as error:
            yield from [error] * len(requests)
            return
        texts = [request.text if isinstance(request, EmbedTokens) else _prompted(request) for request in requests]
        read = [text[: self._max_characters] for text in texts]
        for request, text, whole, tokens in zip(requests, read, texts, table.tokens(read), strict=True):
            ids = tokens.ids[: request.max_length or _most_tokens(table, request)]
            usage = Usage(input_tokens=len(ids), cut=int(len(text) < len(whole) or len(ids) < len(tokens.ids)))
            if isinstance(request, Embed):
                yield Embedded(table.pooled(ids), tokens.coverage, usage)
            else:
                yield TokenEmbeddings(ids, table.vectors, ids, tokens.coverage, usage)

    def _match(self, request: Request) -> Response:
        if isinstance(request, Lexical):
            return candidates.bm25_scores(request, self._max_characters)
        if isinstance(request, LexicalBlend):
            read = replace(
                request,
                query=request.query[: self._max_characters],
                passages=tuple(passage[: self._max_characters] for passage in request.passages),
            )
            before, after = ((each.query, *each.passages) for each in (request, read))
            cut = sum(len(text) < len(whole) for text, whole in zip(after, before, strict=True))
            try:
                table = self._loaded()
            except MissingTableError:
                vocabulary = None
            else:
                # Only wordllama's pieces are ordered by how frequent they are.
                vocabulary = table if isinstance(table, static.StaticEmbeddings) else None
            return replace(lexical.blended_scores(read, vocabulary), usage=Usage(cut=cut))
        raise ResponseError(f"The embedded backend cannot answer a {type(request).__name__} request.")


def _most_tokens(table: static.StaticEmbeddings | Model2VecTable, request: Embed | EmbedTokens) -> int | None:
    """What the model itself reads for one embedding; for token embeddings there is no limit."""
    return table.max_length if isinstance(table, Model2VecTable) and isinstance(request, Embed) else None


def _prompted(request: Embed) -> str:
    return (request.prompt or "") + request.text
