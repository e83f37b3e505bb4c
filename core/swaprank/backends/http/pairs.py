"""Relevance of passages to a query from rerank and score endpoints: many passages in one call."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError, ResponseError
from ...requests import PairScore, PairScored, Request, Usage
from ...scores.activation import sigmoid
from .client import Client
from .dialects import DIALECTS, RAW
from .limits import Limits
from .took import Took, took_by

if TYPE_CHECKING:
    from .options import HttpOptions

logger = logging.getLogger(__name__)

# A probability of 0 or 1 has no logit; these are next to them.
_LEAST, _MOST = sys.float_info.min, 1 - sys.float_info.epsilon
# The score of a passage without text, which hosted services refuse.
_NOTHING = {"probability": 0.0, "logit": -30.0}


class Pairs:
    """Pairs of one query in one call.

    Args:
        options: The backend's.
        model: The served model's name.
        client: Reaches the server.
    """

    def __init__(self, options: HttpOptions, model: str, client: Client) -> None:
        self._options = options
        self._dialect = DIALECTS[options.api]
        self._path = options.path(self._dialect.path, model)
        self._model = options.sent_model(model)
        self._service = options.service
        self._limits = self._service.limits_of(model) if self._service else Limits()
        self._client = client
        self._scores = self._dialect.scores if options.scores == "auto" else options.scores
        self._activation = "sigmoid"
        self._known = self._dialect.extra is not RAW
        self._warned: set[str] = set()

    def batches(self, requests: Sequence[Request]) -> list[list[int]]:
        """The places of the pairs of each call."""
        groups: dict[tuple[Any, ...], list[int]] = {}
        passages: list[str] = []
        for place, request in enumerate(requests):
            if not isinstance(request, PairScore):
                raise ResponseError(
                    f"The http backend with api: {self._options.api} answers no {type(request).__name__}."
                )
            passages.append(request.passage)
            groups.setdefault((request.query, request.max_length, request.truncation, request.label), []).append(place)
        most = self._options.passages_per_call
        return [
            [places[one] for one in call]
            for (query, *_), places in groups.items()
            for call in self._limits.calls(query, [passages[place] for place in places], most)
        ]

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
        if pair.max_length is not None and not self._dialect.limit:
            self._warn(f"api: {self._options.api} does not take max_length: {pair.max_length}; its own limit holds.")
        elif pair.truncation == "passage" and pair.max_length is not None:
            self._warn("Pairs that are too long are cut by the server, at the longer side, not the passage only.")
        if self._service and self._limits.exceeded_by(pair.query):
            self._warn(
                f"{self._service.title} reads at most {self._limits.query_tokens} tokens of a query with "
                f"{self._model}, and one is longer."
            )

    def _warn(self, message: str) -> None:
        """Say it once."""
        if message not in self._warned:
            self._warned.add(message)
            logger.warning(message)

    def _readable(self, passages: Sequence[str]) -> list[str]:
        """The passages that are sent: each once, and to a hosted service none without text."""
        return [text for text in dict.fromkeys(passages) if text.strip() or not self._service]

    def _cut(self, text: str) -> str:
        """As much of a passage as the service takes."""
        most = self._limits.characters
        if self._service is None or most is None or len(text) <= most:
            return text
        self._warn(f"{self._service.title} takes at most {most} characters of a passage; longer ones are cut.")
        return text[:most]

    async def _own_activation(self, pair: PairScore) -> str:
        """The activation that the served model's config asks for, seen at one pair with and without it."""
        [raw], _ = await self._scored([pair])
        [activated], _ = await self._scored([pair], use_activation=True)
        return "sigmoid" if abs(activated - sigmoid(raw)) <= abs(activated - raw) else "identity"

    async def _scored(self, pairs: Sequence[PairScore], **changed: Any) -> tuple[list[float], Took]:
        """One score per pair, and what the call took."""
        dialect = self._dialect
        texts = self._readable([pair.passage for pair in pairs])
        if not texts:
            return [_NOTHING[self._scores]] * len(pairs), Took(0, requests=0)
        body = dialect.asked(self._model, pairs[0].query, [self._cut(text) for text in texts]) | changed
        if dialect.limit:
            body[dialect.limit] = pairs[0].max_length or -1
        body |= self._options.extra_body
        body = {key: value for key, value in body.items() if value is not None}
        rows: list[tuple[int, float]] = []
        took = Took(0, requests=0)
        page: Any = None
        while page or not rows:
            reply = await self._client.call(self._path, body | ({dialect.page: page} if page else {}))
            with reply.expected() as payload:
                own = dialect.read(payload)
                rows += own
                took += took_by(payload)
                page = payload.get(dialect.page) if dialect.page and own and len(rows) < len(texts) else None
                found = dict(rows)
                if not page and (sorted(found) != list(range(len(texts))) or len(rows) != len(texts)):
                    raise ValueError(
                        f"{len(rows)} scores for {len(texts)} passages, of the indexes {sorted(found)[:9]}"
                    )
        if self._scores == "probability" and not all(0 <= value <= 1 for value in found.values()):
            raise ResponseError(
                f"{reply.server} answered {self._path} with the score {max(found.values(), key=abs)}, "
                "which is not a probability.",
                hint="Add: backend: {scores: logit}.",
            )
        by_text = {text: found[place] for place, text in enumerate(texts)}
        return [by_text.get(pair.passage, _NOTHING[self._scores]) for pair in pairs], took

    def _response(self, value: float, usage: Usage) -> PairScored:
        if self._scores == "probability":
            clipped = min(max(value, _LEAST), _MOST)
            return PairScored(math.log(clipped / (1 - clipped)), "sigmoid", value, usage)
        return PairScored(value, self._activation, sigmoid(value) if self._activation == "sigmoid" else value, usage)
