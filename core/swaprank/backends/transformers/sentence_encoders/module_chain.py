"""Cross-encoders that sentence-transformers saves as a chain of modules: a decoder, and what makes a score of it.

Such a chain writes its prompts itself, mostly by a chat template, and scores by the logits of two words (`LogitScore`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ....errors import ConfigError
from ....requests import PairScore, PairScored, Response, Usage
from ..._common.token_batches import in_batches
from ..._tokens.pairs import output_of
from ..._tokens.quoting import Quoting
from ..encoder import Encoder

if TYPE_CHECKING:
    import torch
    from sentence_transformers import CrossEncoder

    from ..options import TransformersOptions


class ModuleChain(Encoder[PairScore]):
    """A chain that reads pairs, writes its prompts and computes scores as sentence-transformers does.

    Args:
        loaded: The chain.
        model: Name of the model in messages.
        options: The backend's options.
    """

    def __init__(self, loaded: CrossEncoder, model: str, options: TransformersOptions) -> None:
        super().__init__(loaded, loaded.max_seq_length, model, options)
        self._model: Any = loaded
        self._quoting = Quoting(loaded.tokenizer, model, parse_control_tokens=options.parse_control_tokens)
        self._activation: torch.nn.Module = loaded.activation_fn  # type: ignore[assignment]
        self._prompt = loaded.prompts.get(loaded.default_prompt_name or "")

    def _run(self, requests: Sequence[PairScore]) -> list[Response]:
        groups: dict[int | None, list[int]] = {}
        for place, request in enumerate(requests):
            if request.truncation != "longest_first":
                raise ConfigError(
                    f"The model {self._name!r} writes and cuts its prompts itself, so truncation "
                    f"{request.truncation!r} cannot be applied.",
                    hint="Use protocol: sentence-transformers.",
                )
            groups.setdefault(self._limit(request.max_length), []).append(place)
        responses: dict[int, Response] = {}
        own = self._model.max_seq_length
        for limit, places in groups.items():
            try:
                if limit != own:
                    self._model.max_seq_length = limit
                answers = self._scored([requests[place] for place in places], limit)
            finally:
                if limit != own:
                    self._model.max_seq_length = own
            responses.update(zip(places, answers, strict=True))
        return [responses[place] for place in range(len(requests))]

    def _scored(self, requests: Sequence[PairScore], limit: int | None) -> list[Response]:
        """The scores of pairs that share their limit."""
        outputs = self._model.num_labels
        labels = [output_of(request.label, outputs, self._name) for request in requests]
        pairs = [
            tuple(
                self._quoting.quoted(self._quoting.beginning(text, limit)) for text in (request.query, request.passage)
            )
            for request in requests
        ]
        lengths = [self._features([pair])["input_ids"].shape[-1] for pair in pairs]
        scored: dict[int, tuple[float, float]] = {}

        def forward(batch: list[int]) -> None:
            scores = self._model(self._features([pairs[place] for place in batch]))["scores"]
            scores = scores.double().cpu().reshape(len(batch), outputs)
            for place, logits, activated in zip(batch, scores, self._activation(scores), strict=True):
                scored[place] = (float(logits[labels[place]]), float(activated[labels[place]]))

        in_batches(lengths, self._batch_tokens, forward, enough=self._enough)
        name = type(self._activation).__name__.lower()
        return [
            PairScored(
                scored[place][0], name, scored[place][1], Usage(tokens, cut=int(limit is not None and tokens >= limit))
            )
            for place, tokens in enumerate(lengths)
        ]

    def _features(self, pairs: list[Any]) -> dict[str, Any]:
        """What the network reads, on its device."""
        features: dict[str, Any] = self._model.preprocess(pairs, prompt=self._prompt)
        return {key: value.to(self._model.device) if hasattr(value, "to") else value for key, value in features.items()}
