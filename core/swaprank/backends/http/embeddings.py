"""Embeddings from servers, many texts in one call."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import TYPE_CHECKING, Any

from ...errors import ResponseError
from ...requests import Embed, Embedded, Request
from .client import Client
from .reply import number
from .took import Took

if TYPE_CHECKING:
    from .options import HttpOptions


class Embeddings:
    """Texts of one limit in one call.

    Args:
        options: The backend's.
        model: The served model's name.
        client: Reaches the server.
    """

    def __init__(self, options: HttpOptions, model: str, client: Client) -> None:
        self._options = options
        self._model = model
        self._client = client

    def batches(self, requests: Sequence[Request]) -> list[list[int]]:
        """The places of the texts of each call."""
        groups: dict[int | None, list[int]] = {}
        for place, request in enumerate(requests):
            if not isinstance(request, Embed):
                raise ResponseError(
                    f"The http backend with api: {self._options.api} answers no {type(request).__name__}."
                )
            groups.setdefault(request.max_length, []).append(place)
        size = self._options.batch_size
        return [places[at : at + size] for places in groups.values() for at in range(0, len(places), size)]

    async def answer(self, requests: Sequence[Request]) -> Sequence[Embedded]:
        """Embed the texts of a batch."""
        embeds = [request for request in requests if isinstance(request, Embed)]
        given = [(request.prompt or "") + request.text for request in embeds]
        texts = list(dict.fromkeys(given))
        path, body = self._body(texts, embeds[0].max_length)
        body |= self._options.extra_body
        reply = await self._client.call(path, {key: value for key, value in body.items() if value is not None})
        with reply.expected() as payload:
            if isinstance(payload, list):
                found, read = list(enumerate(payload)), 0
            else:
                found = [(index(one["index"]), one["embedding"]) for one in payload["data"]]
                read = int((payload.get("usage") or {}).get("prompt_tokens") or 0)
            rows = dict(found)
            if sorted(rows) != list(range(len(texts))) or len(found) != len(texts):
                raise ValueError(f"{len(found)} embeddings for {len(texts)} texts")
            vectors = {text: tuple(number(value) for value in rows[place]) for place, text in enumerate(texts)}
            if len({len(vector) for vector in vectors.values()}) != 1 or not vectors[texts[0]]:
                raise ValueError("embeddings of several sizes, or of none")
        usages = Took(read).shares(len(given))
        return [Embedded(vectors[text], usage=usage) for text, usage in zip(given, usages, strict=True)]

    def _body(self, texts: list[str], max_length: int | None) -> tuple[str, dict[str, Any]]:
        if self._options.api == "tei-embed":
            return "/embed", {"inputs": texts, "truncate": True}
        body: dict[str, Any] = {"model": self._model, "input": texts, "encoding_format": "float"}
        if self._options.server == "vllm":
            body["truncate_prompt_tokens"] = max_length or -1
        return "/v1/embeddings", body
