"""Cross-encoders and sentence encoders as sentence-transformers loads them, batched by tokens."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ..coverage import coverage
from ..errors import BackendError, ConfigError, require
from ..requests import Embed, Embedded, PairScore, PairScored, Request, Response, Usage
from ._model_path import model_path

if TYPE_CHECKING:
    import torch
    from sentence_transformers import CrossEncoder, SentenceTransformer
    from transformers import PreTrainedTokenizerBase

    from .transformers import TransformersOptions

logger = logging.getLogger(__name__)
Asked = TypeVar("Asked", bound=Request)


def load(kind: str, model: str, options: TransformersOptions) -> Encoder[Any]:
    """Load a ``"cross-encoder"`` or a ``"bi-encoder"``.

    Raises:
        MissingDependencyError: sentence-transformers is not installed.
        BackendError: The model cannot be loaded; the message names it and the cause.
    """
    library = require("sentence_transformers", extra="transformers", purpose=f"The {kind} {model!r}")
    loader = library.CrossEncoder if kind == "cross-encoder" else library.SentenceTransformer
    try:
        loaded = loader(model_path(model), **_arguments(options))
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        raise BackendError(
            f"The model {model!r} cannot be loaded: {type(error).__name__}: {error}",
            hint="Is it a hub id or an existing folder? Gated models need HF_TOKEN in the environment.",
        ) from error
    loaded.eval()
    return PairEncoder(loaded, model, options) if kind == "cross-encoder" else TextEncoder(loaded, model, options)


def _arguments(options: TransformersOptions) -> dict[str, Any]:
    device = options.device if options.device != "auto" else None
    model: dict[str, Any] = {}
    if options.engine == "torch":
        model["dtype"] = _dtype(options.dtype, device)
        if options.attn_implementation:
            model["attn_implementation"] = options.attn_implementation
    elif options.engine_file:
        model["file_name"] = options.engine_file
    return {
        "device": device,
        "revision": options.revision,
        "cache_folder": options.cache_dir,
        "local_files_only": options.local_files_only,
        "trust_remote_code": options.trust_remote_code,
        "token": options.token.get_secret_value() if options.token else None,
        "model_kwargs": model,
        "backend": options.engine,
    }


def _dtype(name: str, device: str | None) -> torch.dtype:
    import torch

    if name != "auto":
        found: torch.dtype = getattr(torch, name)
        return found
    on_cpu = device == "cpu" or (device is None and not torch.accelerator.is_available())
    if on_cpu:
        return torch.float32
    return torch.bfloat16 if torch.accelerator.current_accelerator() is not None else torch.float32


class Encoder(ABC, Generic[Asked]):
    """A loaded model behind a lock: tokenizers and devices are used by one thread at a time."""

    def __init__(self, model: str, options: TransformersOptions) -> None:
        self._name = model
        self._batch_tokens = options.batch_tokens
        self._lock = threading.Lock()

    def run(self, requests: Sequence[Asked]) -> list[Response]:
        """Answer all requests, in order."""
        import torch

        # Equal requests are computed once: it saves work, and equal passages cannot differ by rounding.
        unique = list(dict.fromkeys(requests))
        with self._lock, torch.inference_mode():
            answers = dict(zip(unique, self._run(unique), strict=True))
        return [answers[request] for request in requests]

    @abstractmethod
    def _run(self, requests: Sequence[Asked]) -> list[Response]: ...


class PairEncoder(Encoder[PairScore]):
    """A sequence classification head over (query, passage)."""

    def __init__(self, loaded: CrossEncoder, model: str, options: TransformersOptions) -> None:
        super().__init__(model, options)
        self._model = loaded
        self._activation: torch.nn.Module = loaded.activation_fn  # type: ignore[assignment]

    def _run(self, requests: Sequence[PairScore]) -> list[Response]:
        encodings = encode_pairs(self._model.tokenizer, requests, self._model.max_seq_length)
        # Pairs that are equal once truncated are computed once, so that they cannot differ by rounding.
        keys = [(request.label, *encoding["input_ids"]) for request, encoding in zip(requests, encodings, strict=True)]
        first = {key: place for place, key in reversed(list(enumerate(keys)))}
        scored: dict[int, tuple[float, float]] = {}

        def forward(batch: list[int]) -> None:
            places = [unique[position] for position in batch]
            features = self._model.tokenizer.pad([encodings[place] for place in places], return_tensors="pt")
            scores = self._model({key: value.to(self._model.device) for key, value in features.items()})["scores"]
            scores = self._chosen(scores.double().cpu(), [requests[place].label for place in places])
            pairs = zip(scores.tolist(), self._activation(scores).tolist(), strict=True)
            scored.update(zip(places, pairs, strict=True))

        unique = sorted(first.values())
        in_batches([len(encodings[place]["input_ids"]) for place in unique], self._batch_tokens, forward)
        name = type(self._activation).__name__.lower()
        responses: list[Response] = []
        for key, encoding in zip(keys, encodings, strict=True):
            logit, activated = scored[first[key]]
            responses.append(PairScored(logit, name, activated, Usage(input_tokens=len(encoding["input_ids"]))))
        return responses

    def _chosen(self, scores: torch.Tensor, labels: Sequence[int | None]) -> torch.Tensor:
        """One column of [pairs, labels]: the only one, or the one asked for."""
        import torch

        count = self._model.num_labels
        for label in labels:
            if (label is None and count != 1) or (label is not None and label >= count):
                raise ConfigError(
                    f"The model {self._name!r} has {count} outputs and label is {label!r}.",
                    hint=f"Say which output is the relevance: label: 0 to {count - 1}.",
                )
        column = torch.tensor([label or 0 for label in labels])
        return scores.reshape(len(labels), count).gather(1, column[:, None])[:, 0]


class TextEncoder(Encoder[Embed]):
    """A sentence embedding model with its own pooling and normalisation."""

    def __init__(self, loaded: SentenceTransformer, model: str, options: TransformersOptions) -> None:
        super().__init__(model, options)
        self._model = loaded

    def _run(self, requests: Sequence[Embed]) -> list[Response]:
        responses: dict[int, Response] = {}
        limit = self._model.max_seq_length
        groups: dict[tuple[str, int | None], list[int]] = {}
        for place, request in enumerate(requests):
            groups.setdefault((self._prompt(request), request.max_length), []).append(place)
        for (prompt, max_length), places in groups.items():
            longest = min(max_length or limit or 512, limit or max_length or 512)
            self._model.max_seq_length = longest
            try:
                vectors = self._model.encode(
                    [requests[place].text for place in places],
                    prompt=prompt,
                    batch_size=max(1, self._batch_tokens // longest),
                    show_progress_bar=False,
                    convert_to_numpy=True,
                )
            finally:
                self._model.max_seq_length = limit
            texts = [prompt + requests[place].text for place in places]
            for place, vector, (tokens, covered) in zip(places, vectors, self._measured(texts, longest), strict=True):
                responses[place] = Embedded(vector=vector, coverage=covered, usage=Usage(input_tokens=tokens))
        return [responses[place] for place in range(len(requests))]

    def _measured(self, texts: list[str], longest: int) -> list[tuple[int, float | None]]:
        """The number of tokens of each text, and how much of it the vocabulary knows."""
        tokenizer = self._model.tokenizer
        if not tokenizer.is_fast:
            return [(len(ids), None) for ids in tokenizer(texts, truncation=True, max_length=longest)["input_ids"]]
        encoded = tokenizer(texts, truncation=True, max_length=longest, return_offsets_mapping=True)
        unknown = tokenizer.unk_token_id
        return [
            (len(ids), coverage(text, offsets, [identity != unknown for identity in ids]))
            for text, ids, offsets in zip(texts, encoded["input_ids"], encoded["offset_mapping"], strict=True)
        ]

    def _prompt(self, request: Embed) -> str:
        """The prompt asked for, or the model's own for the role (``prompts`` of its config)."""
        if request.prompt is not None:
            return request.prompt
        names = ("query",) if request.role == "query" else ("document", "passage")
        return next((prompt for name in names if (prompt := self._model.prompts.get(name))), "")


def encode_pairs(
    tokenizer: PreTrainedTokenizerBase, requests: Sequence[PairScore], model_limit: int | None
) -> list[dict[str, list[int]]]:
    """Token ids and masks of each pair, unpadded.

    ``longest_first`` is the tokenizer's own pair call. ``passage`` is FlagEmbedding's way, whose call is
    gone from transformers 5: both sides tokenised alone, the query cut first, then the passage to what
    is left, joined by the special tokens that the tokenizer puts around a pair.
    """
    encodings: dict[int, dict[str, list[int]]] = {}
    plain: dict[int | None, list[int]] = {}
    for place, request in enumerate(requests):
        limit = request.max_length or model_limit
        if request.truncation == "passage":
            encodings[place] = _joined(tokenizer, request, limit or 512)
        else:
            plain.setdefault(limit, []).append(place)
    for limit, places in plain.items():
        # Lists, not single texts: for a single empty text the tokenizer leaves the second separator out.
        pairs = tokenizer(
            [requests[place].query for place in places],
            [requests[place].passage for place in places],
            truncation="longest_first" if limit else False,
            max_length=limit,
        )
        for row, place in enumerate(places):
            encodings[place] = {key: list(values[row]) for key, values in pairs.items()}
    return [encodings[place] for place in range(len(requests))]


def _joined(tokenizer: PreTrainedTokenizerBase, request: PairScore, limit: int) -> dict[str, list[int]]:
    def ids(text: str, most: int) -> list[int]:
        found = tokenizer(text, add_special_tokens=False, truncation=True, max_length=most)
        return list(found["input_ids"])

    query = ids(request.query, request.query_max_length or limit)
    passage = ids(request.passage, limit)
    frame = tokenizer("a", "b")
    sides = frame.sequence_ids(0)
    passage = passage[: max(0, limit - sides.count(None) - len(query))]
    filled: dict[str, list[int]] = {key: [] for key in frame}
    for place, side in enumerate(sides):
        first_of_side = place == 0 or sides[place - 1] != side
        content = [frame["input_ids"][place]] if side is None else query if side == 0 else passage
        if side is not None and not first_of_side:
            continue
        for key in filled:
            filled[key] += content if key == "input_ids" else [frame[key][place]] * len(content)
    return filled


def in_batches(lengths: Sequence[int], batch_tokens: int, forward: Callable[[list[int]], None]) -> None:
    """Call ``forward`` with index batches of similar length, longest first.

    A batch holds at most ``batch_tokens`` tokens, padding included, and at least one item. When the
    device runs out of memory the batch is halved and the run goes on.

    Raises:
        BackendError: Not even a single item fits the device's memory.
    """
    order = sorted(range(len(lengths)), key=lambda place: -lengths[place])
    waiting: list[list[int]] = []
    while order:
        size = max(1, batch_tokens // max(lengths[order[0]], 1))
        waiting.append(order[:size])
        order = order[size:]
    waiting.reverse()
    while waiting:
        batch = waiting.pop()
        try:
            forward(batch)
        except RuntimeError as error:
            if "out of memory" not in str(error).lower():
                raise
            if len(batch) == 1:
                raise BackendError(
                    f"One item of {lengths[batch[0]]} tokens does not fit the device's memory.",
                    hint="Set a smaller max_length.",
                ) from error
            logger.warning("Out of memory with a batch of %d; trying %d.", len(batch), len(batch) // 2)
            middle = len(batch) // 2
            waiting += [batch[middle:], batch[:middle]]
