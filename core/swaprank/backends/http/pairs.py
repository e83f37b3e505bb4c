"""Relevance of passages to a query from rerank and score endpoints: many passages in one call."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import index
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError, ResponseError
from ...requests import PairScore, PairScored, Request, Usage
from ...scores.activation import sigmoid
from .client import Client
from .reply import number
from .took import Took, took_by

if TYPE_CHECKING:
    from .options import HttpOptions

logger = logging.getLogger(__name__)

# A probability of 0 or 1 has no logit; these are next to them.
_LEAST, _MOST = sys.float_info.min, 1 - sys.float_info.epsilon


@dataclass(frozen=True, slots=True)
class _Api:
    """How an endpoint is spoken to.

    Attributes:
        path: Where it is.
        query: The key of the query in the body.
        passages: The key of the passages.
        extra: What else stands in the body.
        scores: What its scores are unless the config says otherwise.
        limit: The key of the most tokens of a pair, where the server takes one.
        named: Whether the body names the model.
        counted: Whether the body says that all passages are wanted back.
    """

    path: str
    query: str
    passages: str
    extra: Mapping[str, Any]
    scores: str
    limit: str = ""
    named: bool = True
    counted: bool = True


_RAW = {"use_activation": False}
APIS = {
    "vllm-score": _Api("/score", "text_1", "text_2", _RAW, "logit", "truncate_prompt_tokens", counted=False),
    "vllm-rerank": _Api("/v1/rerank", "query", "documents", _RAW, "logit", "truncate_prompt_tokens"),
    "jina-rerank": _Api("/v1/rerank", "query", "documents", {"return_documents": False}, "probability"),
    "cohere-rerank": _Api("/v2/rerank", "query", "documents", {}, "probability"),
    "tei-rerank": _Api(
        "/rerank", "query", "texts", {"raw_scores": True, "truncate": True}, "logit", named=False, counted=False
    ),
}


class Pairs:
    """Pairs of one query in one call.

    Args:
        options: The backend's.
        model: The served model's name.
        client: Reaches the server.
    """

    def __init__(self, options: HttpOptions, model: str, client: Client) -> None:
        self._options = options
        self._api = APIS[options.api]
        self._model = model
        self._client = client
        self._scores = self._api.scores if options.scores == "auto" else options.scores
        self._activation = "sigmoid"
        self._known = self._api.extra is not _RAW
        self._warned = False

    def batches(self, requests: Sequence[Request]) -> list[list[int]]:
        """The places of the pairs of each call."""
        groups: dict[tuple[Any, ...], list[int]] = {}
        for place, request in enumerate(requests):
            if not isinstance(request, PairScore):
                raise ResponseError(
                    f"The http backend with api: {self._options.api} answers no {type(request).__name__}."
                )
            groups.setdefault((request.query, request.max_length, request.truncation, request.label), []).append(place)
        size = self._options.batch_size
        return [places[at : at + size] for places in groups.values() for at in range(0, len(places), size)]

    async def answer(self, requests: Sequence[Request]) -> Sequence[PairScored]:
        """Score the pairs of a batch."""
        pairs = [request for request in requests if isinstance(request, PairScore)]
        self._check(pairs[0])
        if not self._known:
            self._activation = await self._own_activation(pairs[0])
            self._known = True
        values, took = await self._scored(pairs)
        usages = took.shares(len(pairs))
        return [self._response(value, usage) for value, usage in zip(values, usages, strict=True)]

    def _check(self, pair: PairScore) -> None:
        """Refuse what would be another score than asked for."""
        if pair.label is not None:
            raise ConfigError(
                f"label is {pair.label}, and api: {self._options.api} serves models with one output.",
                hint="Use backend: transformers.",
            )
        if pair.truncation == "sides":
            raise ConfigError(
                "This protocol encodes query and passage as texts of their own, which no server does.",
                hint="Use backend: transformers, or the method's other protocol.",
            )
        if pair.max_length is not None and not self._api.limit:
            self._warn(f"api: {self._options.api} does not take max_length: {pair.max_length}; its own limit holds.")
        elif pair.truncation == "passage" and pair.max_length is not None:
            self._warn("Pairs that are too long are cut by the server, at the longer side, not the passage only.")

    def _warn(self, message: str) -> None:
        """Say it once."""
        if not self._warned:
            self._warned = True
            logger.warning(message)

    async def _own_activation(self, pair: PairScore) -> str:
        """The activation that the served model's config asks for, seen at one pair with and without it."""
        [raw], _ = await self._scored([pair])
        [activated], _ = await self._scored([pair], use_activation=True)
        return "sigmoid" if abs(activated - sigmoid(raw)) <= abs(activated - raw) else "identity"

    async def _scored(self, pairs: Sequence[PairScore], **changed: Any) -> tuple[list[float], Took]:
        """One score per pair, and what the call took."""
        api = self._api
        texts = list(dict.fromkeys(pair.passage for pair in pairs))
        body: dict[str, Any] = {api.query: pairs[0].query, api.passages: texts, **api.extra, **changed}
        if api.named:
            body["model"] = self._model
        if api.limit:
            body[api.limit] = pairs[0].max_length or -1
        if api.counted:
            body["top_n"] = len(texts)
        body |= self._options.extra_body
        reply = await self._client.call(api.path, {key: value for key, value in body.items() if value is not None})
        with reply.expected() as payload:
            results = (
                payload if isinstance(payload, list) else payload["data"] if "data" in payload else payload["results"]
            )
            found = {index(one["index"]): number(_score_of(one)) for one in results}
            if sorted(found) != list(range(len(texts))) or len(results) != len(texts):
                raise ValueError(f"{len(results)} scores for {len(texts)} passages, of the indexes {sorted(found)[:9]}")
            took = took_by(payload)
        if self._scores == "probability" and not all(0 <= value <= 1 for value in found.values()):
            raise ResponseError(
                f"{reply.server} reply {api.path} with the score {max(found.values(), key=abs)}, "
                "which is not a probability.",
                hint="Add: backend: {scores: logit}.",
            )
        by_text = {text: found[place] for place, text in enumerate(texts)}
        return [by_text[pair.passage] for pair in pairs], took

    def _response(self, value: float, usage: Usage) -> PairScored:
        if self._scores == "probability":
            clipped = min(max(value, _LEAST), _MOST)
            return PairScored(math.log(clipped / (1 - clipped)), "sigmoid", value, usage)
        return PairScored(value, self._activation, sigmoid(value) if self._activation == "sigmoid" else value, usage)


def _score_of(result: Mapping[str, Any]) -> Any:
    return result["relevance_score"] if "relevance_score" in result else result["score"]
