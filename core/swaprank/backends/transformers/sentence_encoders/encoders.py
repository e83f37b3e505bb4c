"""Cross-encoders and sentence encoders as sentence-transformers loads them, batched by tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ....requests import Embed, Embedded, PairScore, PairScored, Response, Usage
from ....scores.coverage import coverage
from ..._tokens.pairs import Encoding, encode_pairs, output_of, padded
from ..._tokens.quoting import Quoting
from ..encoder import Encoder, runs_fast
from ..fast_encoders.uses import ChainForward, PairForward, pair_chain_forward, pair_forward, text_forward
from .first_token import FirstTokenModel

if TYPE_CHECKING:
    import torch
    from sentence_transformers import CrossEncoder, SentenceTransformer

    from ..options import TransformersOptions


class PairEncoder(Encoder[PairScore]):
    """A sequence classification head over (query, passage)."""

    def __init__(self, loaded: CrossEncoder | FirstTokenModel, model: str, options: TransformersOptions) -> None:
        network = loaded.network if isinstance(loaded, FirstTokenModel) else loaded
        super().__init__(network, loaded.max_seq_length, model, options)
        self._model = loaded
        self._quoting = Quoting(loaded.tokenizer, model, parse_control_tokens=options.parse_control_tokens)
        self._activation: torch.nn.Module = loaded.activation_fn  # type: ignore[assignment]
        self._fast = _fast(loaded, model) if runs_fast(options) else None
        self._packs = self._fast is not None

    def _run(self, requests: Sequence[PairScore]) -> list[Response]:
        limits = [self._limit(request.max_length) for request in requests]
        pairs = encode_pairs(self._quoting, requests, limits)
        # Pairs that are equal once truncated are computed once, so that they cannot differ by rounding.
        keys = [
            (request.label, *(tuple(values) for values in pair.inputs.values()))
            for request, pair in zip(requests, pairs, strict=True)
        ]
        first = {key: place for place, key in reversed(list(enumerate(keys)))}
        scored: dict[int, tuple[float, float]] = {}

        def forward(batch: list[int]) -> None:
            places = [unique[position] for position in batch]
            scores = self._logits([pairs[place].inputs for place in places])
            scores = self._chosen(scores.double().cpu(), [requests[place].label for place in places])
            values = zip(scores.tolist(), self._activation(scores).tolist(), strict=True)
            scored.update(zip(places, values, strict=True))

        unique = sorted(first.values())
        lengths = [len(pairs[place].ids) for place in unique]
        self._in_batches(lengths, forward)
        name = type(self._activation).__name__.lower()
        responses: list[Response] = []
        for key, pair in zip(keys, pairs, strict=True):
            logit, activated = scored[first[key]]
            usage = Usage(input_tokens=len(pair.ids), cut=int(pair.cut))
            responses.append(PairScored(logit, name, activated, usage))
        return responses

    def _logits(self, pairs: Sequence[Encoding]) -> torch.Tensor:
        if self._fast is not None:
            return self._fast(pairs)
        features = padded(self._model.tokenizer, pairs)
        scored = self._model({key: value.to(self._model.device) for key, value in features.items()})
        scores: torch.Tensor = scored["scores"]
        return scores

    def _chosen(self, scores: torch.Tensor, labels: Sequence[int | None]) -> torch.Tensor:
        """One column of [pairs, labels]: the only one, or the one asked for."""
        import torch

        count = self._model.num_labels
        column = torch.tensor([output_of(label, count, self._name) for label in labels])
        return scores.reshape(len(labels), count).gather(1, column[:, None])[:, 0]


def _fast(loaded: CrossEncoder | FirstTokenModel, model: str) -> PairForward | ChainForward | None:
    if isinstance(loaded, FirstTokenModel):
        return pair_forward(loaded.network, model)
    if len(loaded) > 1:
        return pair_chain_forward(loaded, model)
    return pair_forward(getattr(loaded[0], "model", None), model)


@dataclass(frozen=True, slots=True)
class _Measured:
    """A text as it is read.

    Attributes:
        tokens: How many there are.
        coverage: How much of it the vocabulary knows; None where that cannot be told.
        cut: Whether it was longer.
        inputs: Its ids and token types, from tokenizers that are called once.
    """

    tokens: int
    coverage: float | None = None
    cut: bool = False
    inputs: Encoding = field(default_factory=dict)


class TextEncoder(Encoder[Embed]):
    """A sentence embedding model with its own pooling and normalisation."""

    def __init__(self, loaded: SentenceTransformer, model: str, options: TransformersOptions) -> None:
        super().__init__(loaded, loaded.max_seq_length, model, options)
        self._model = loaded
        # Static embeddings have a bare tokenizer without control tokens, which is not called.
        self._quoting = (
            Quoting(loaded.tokenizer, model, parse_control_tokens=options.parse_control_tokens)
            if callable(loaded.tokenizer)
            else None
        )
        self._fast = text_forward(loaded, model) if runs_fast(options) else None
        self._packs = self._fast is not None

    def _run(self, requests: Sequence[Embed]) -> list[Response]:
        responses: dict[int, Response] = {}
        groups: dict[tuple[str, str, int | None], list[int]] = {}
        for place, request in enumerate(requests):
            key = (request.role, self._prompt(request), self._limit(request.max_length))
            groups.setdefault(key, []).append(place)
        for (role, prompt, limit), places in groups.items():
            answers = self._embedded([requests[place].text for place in places], role, prompt, limit)
            responses.update(zip(places, answers, strict=True))
        return [responses[place] for place in range(len(requests))]

    def _embedded(self, texts: list[str], role: str, prompt: str, limit: int | None) -> list[Embedded]:
        """Texts that share their prompt and their limit."""
        whole = texts
        if self._quoting is not None:
            texts = [self._quoting.quoted(self._quoting.beginning(text, limit)) for text in whole]
        shortened = [len(text) < len(own) for text, own in zip(texts, whole, strict=True)]
        measured = self._measured([prompt + text for text in texts], limit)
        vectors: dict[int, Any] = {}

        def forward(batch: list[int]) -> None:
            if self._fast is not None:
                packed = self._fast([measured[place].inputs for place in batch])
                vectors.update(zip(batch, packed.numpy(), strict=True))
                return
            encoded = self._model.encode(
                [texts[place] for place in batch],
                prompt=prompt,
                batch_size=len(batch),
                show_progress_bar=False,
                convert_to_numpy=True,
                # Models with two towers choose by it, all others ignore it.
                task="query" if role == "query" else "document",
            )
            vectors.update(zip(batch, encoded, strict=True))

        own = self._model.max_seq_length
        try:
            if limit != own:
                self._model.max_seq_length = limit
            self._in_batches([one.tokens for one in measured], forward)
        finally:
            if limit != own:
                self._model.max_seq_length = own
        return [
            Embedded(vectors[place], one.coverage, Usage(input_tokens=one.tokens, cut=int(one.cut or shortened[place])))
            for place, one in enumerate(measured)
        ]

    def _measured(self, texts: list[str], limit: int | None) -> list[_Measured]:
        tokenizer = self._model.tokenizer
        if not callable(tokenizer):  # the bare tokenizer of static embeddings
            return [_Measured(len(encoding.ids)) for encoding in tokenizer.encode_batch(texts)]
        truncated = {"truncation": limit is not None, "max_length": limit}
        if not tokenizer.is_fast:
            lengths = [len(ids) for ids in tokenizer(texts, verbose=False)["input_ids"]]
            return [_Measured(min(size, limit or size), cut=limit is not None and size > limit) for size in lengths]
        encoded = tokenizer(texts, return_offsets_mapping=True, **truncated)
        unknown = tokenizer.unk_token_id
        keys = [key for key in encoded if key != "offset_mapping"]
        return [
            _Measured(
                len(ids),
                coverage(text, offsets, [identity != unknown for identity in ids]),
                bool(read.overflowing),
                {key: encoded[key][place] for key in keys},
            )
            for place, (text, ids, offsets, read) in enumerate(
                zip(texts, encoded["input_ids"], encoded["offset_mapping"], encoded.encodings, strict=True)
            )
        ]

    def _prompt(self, request: Embed) -> str:
        """The prompt asked for, or the model's own for the role (``prompts`` of its config).

        sentence-transformers 6.2 overlooks a ``passage`` or ``corpus`` prompt where there is no
        ``document`` prompt; here it counts.
        """
        if request.prompt is not None:
            return request.prompt
        names = ("query",) if request.role == "query" else ("document", "passage", "corpus")
        return next((prompt for name in names if (prompt := self._model.prompts.get(name))), "")
