"""Cross-encoders and sentence encoders in ONNX files, batched by tokens."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ...errors import ConfigError
from ...requests import Embed, Embedded, EmbedImage, PairScore, PairScored, Request, Response, Usage
from ...scores.activation import sigmoid
from ...scores.coverage import coverage
from .._checkpoints.limits import check_max_length
from .._common.distinct import Distinct
from .._common.token_batches import CPU_BATCH, CPU_TOKENS, in_batches
from .._tokens.file_tokenizer import FileTokenizer
from .._tokens.pairs import Encoding, encode_pairs, output_of
from .._tokens.quoting import Quoting
from .network import Network
from .pooling import POOLINGS, unit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .options import OnnxOptions

RequestKind = TypeVar("RequestKind", bound=Request)
_ACTIVATIONS: dict[str, Callable[[float], float]] = {"sigmoid": sigmoid, "identity": lambda logit: logit}


@dataclass(frozen=True, slots=True)
class Loaded:
    """What every encoder is made of.

    Attributes:
        model: The model's name in messages.
        network: The network.
        tokenizer: Its tokenizer.
        limit: The model's own limit of tokens; None for no limit.
        positions: The most tokens that the network has positions for; None for no such bound.
    """

    model: str
    network: Network
    tokenizer: FileTokenizer
    limit: int | None
    positions: int | None


class Encoder(ABC, Generic[RequestKind]):
    """A loaded model behind a lock: the tokenizer is used by one thread at a time."""

    def __init__(self, loaded: Loaded, output: str, options: OnnxOptions) -> None:
        self._name = loaded.model
        self._network = loaded.network
        self._tokenizer = loaded.tokenizer
        self._output = output
        on_cpu = loaded.network.on_cpu
        self._batch_tokens = min(options.batch_tokens, CPU_BATCH) if on_cpu else options.batch_tokens
        self._enough = CPU_TOKENS if on_cpu else None
        self._positions = loaded.positions
        self._own_limit = min(filter(None, (loaded.limit, loaded.positions)), default=None)
        own: Any = loaded.tokenizer  # called as the tokenizers of transformers are
        self._quoting = Quoting(own, loaded.model, parse_control_tokens=options.parse_control_tokens)
        self._lock = threading.Lock()

    def run(self, requests: Sequence[RequestKind]) -> list[Response]:
        """Answer all requests, in order; equal ones once."""
        if any(isinstance(request, EmbedImage) for request in requests):
            raise ConfigError(
                f"The model {self._name!r} reads texts, and is asked about images.",
                hint="Set images: ignore, or take backend: transformers and a model that reads them.",
            )
        distinct = Distinct(requests)
        with self._lock:
            return distinct.spread(self._run(distinct.requests))

    @abstractmethod
    def _run(self, requests: Sequence[RequestKind]) -> list[Response]: ...

    def _computed(self, encodings: Sequence[Encoding]) -> list[NDArray[np.float32]]:
        """The network's output for each text, equal ones once, so that they cannot differ by rounding."""
        distinct = list({_key(encoding): encoding for encoding in encodings}.values())
        found: dict[object, NDArray[np.float32]] = {}

        def forward(batch: list[int]) -> None:
            texts = [distinct[place] for place in batch]
            rows = self._network.run(self._output, texts, self._tokenizer.pad_token_id or 0)
            found.update((_key(text), row) for text, row in zip(texts, rows, strict=True))

        if self._network.alone:
            for place in range(len(distinct)):
                forward([place])
        else:
            lengths = [len(encoding["input_ids"]) for encoding in distinct]
            in_batches(lengths, self._batch_tokens, forward, enough=self._enough)
        return [found[_key(encoding)] for encoding in encodings]

    def _limit(self, max_length: int | None) -> int | None:
        """The most tokens to read: as many as asked for, or else the model's own limit.

        Raises:
            ConfigError: The model has no positions for so many.
        """
        check_max_length(max_length, self._positions, self._name)
        return max_length or self._own_limit


class PairEncoder(Encoder[PairScore]):
    """A sequence classification head over (query, passage).

    Args:
        loaded: Network and tokenizer.
        output: The name of the network's output [pairs, labels].
        activation: ``"sigmoid"`` or ``"identity"``, as the model's files say; None where they do not: sigmoid for one
            label.
        options: The backend's options.
    """

    def __init__(self, loaded: Loaded, output: str, activation: str | None, options: OnnxOptions) -> None:
        super().__init__(loaded, output, options)
        self._activation = activation

    def _run(self, requests: Sequence[PairScore]) -> list[Response]:
        pairs = encode_pairs(self._quoting, requests, [self._limit(request.max_length) for request in requests])
        responses: list[Response] = []
        rows = self._computed([pair.inputs for pair in pairs])
        for request, pair, row in zip(requests, pairs, rows, strict=True):
            labels = row.reshape(-1).tolist()
            logit = labels[output_of(request.label, len(labels), self._name)]
            name = self._activation or ("sigmoid" if len(labels) == 1 else "identity")
            usage = Usage(input_tokens=len(pair.ids), cut=int(pair.cut))
            responses.append(PairScored(logit, name, _ACTIVATIONS[name](logit), usage))
        return responses


class TextEncoder(Encoder[Embed]):
    """A sentence embedding model with its own pooling and normalisation.

    Args:
        loaded: Network and tokenizer.
        output: The name of the network's output [texts, tokens, dimensions], or [texts, dimensions] with `pooling`
            None.
        pooling: A name in `POOLINGS`; None where the network pools itself.
        normalized: Whether embeddings have length 1.
        prompts: The model's own prompts by name.
        lower_case: Whether texts are read in lower case.
        options: The backend's options.
    """

    def __init__(
        self,
        loaded: Loaded,
        output: str,
        options: OnnxOptions,
        *,
        pooling: str | None,
        normalized: bool,
        prompts: dict[str, str],
        lower_case: bool,
    ) -> None:
        super().__init__(loaded, output, options)
        self._pooling = None if pooling is None else POOLINGS[pooling]
        self._normalized = normalized
        self._prompts = prompts
        self._lower_case = lower_case

    def _run(self, requests: Sequence[Embed]) -> list[Response]:
        read = [self._read(request) for request in requests]
        rows = self._computed([inputs for inputs, _, _ in read])
        return [
            Embedded(self._vector(row, len(inputs["input_ids"])), covered, self._usage(inputs, cut))
            for row, (inputs, covered, cut) in zip(rows, read, strict=True)
        ]

    def _read(self, request: Embed) -> tuple[Encoding, float | None, bool]:
        """A text with its prompt in token ids, how much of it the vocabulary knows, and whether it is cut."""
        limit = self._limit(request.max_length)
        beginning = self._quoting.beginning(request.text, limit)
        text = self._prompt(request) + self._quoting.quoted(beginning)
        text = text.lower() if self._lower_case else text
        encoded = self._tokenizer([text], truncation=limit is not None, max_length=limit, return_offsets_mapping=True)
        inputs = {key: of[0] for key, of in encoded.items() if key != "offset_mapping"}
        known = [identity != self._tokenizer.unk_token_id for identity in inputs["input_ids"]]
        cut = beginning != request.text or bool(encoded.encodings[0].overflowing)
        return inputs, coverage(text, encoded["offset_mapping"][0], known), cut

    def _vector(self, row: NDArray[np.float32], tokens: int) -> NDArray[np.float32]:
        vector = row if self._pooling is None else self._pooling(row[:tokens])
        return unit(vector) if self._normalized else vector

    def _usage(self, inputs: Encoding, cut: bool) -> Usage:
        return Usage(input_tokens=len(inputs["input_ids"]), cut=int(cut))

    def _prompt(self, request: Embed) -> str:
        """The prompt asked for, or the model's own for the role."""
        if request.prompt is not None:
            return request.prompt
        names = ("query",) if request.role == "query" else ("document", "passage", "corpus")
        return next((prompt for name in names if (prompt := self._prompts.get(name))), "")


def _key(encoding: Encoding) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(values) for values in encoding.values())
