"""Late-interaction encoders (ColBERT): one vector per token, with markers, query expansion and a skip list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from ....errors import ConfigError
from ....requests import EmbedTokens, Response, TokenEmbeddings, Usage
from ....scores.coverage import coverage
from ..._tokens.quoting import Quoting
from ..encoder import Encoder, runs_fast
from ..fast_encoders.load import fast_encoder
from ..fast_encoders.packing import pack
from .colbert_format import Protocol

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from ..options import TransformersOptions


@dataclass(frozen=True, slots=True)
class _Text:
    """A text as the network reads it.

    Attributes:
        ids: Token ids.
        attended: How many of them, from the first, are attended to.
        kept: The places whose vectors count.
        cut: Whether the text was longer.
        coverage: How much of it the vocabulary knows.
    """

    ids: tuple[int, ...]
    attended: int
    kept: tuple[int, ...]
    cut: bool
    coverage: float | None


class TokenEncoder(Encoder[EmbedTokens]):
    """A network with a projection after it.

    Args:
        network: The network without any head.
        tokenizer: Its tokenizer.
        protocol: What the checkpoint says about itself.
        model: Name of the model in messages.
        options: The backend's options.
    """

    def __init__(
        self,
        network: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        protocol: Protocol,
        model: str,
        options: TransformersOptions,
    ) -> None:
        super().__init__(network, None, model, options)
        self._network = network
        self._fast = fast_encoder(network, model, first_only=False) if runs_fast(options) else None
        self._packs = self._fast is not None
        self._tokenizer = tokenizer
        self._quoting = Quoting(tokenizer, model, parse_control_tokens=options.parse_control_tokens)
        self._protocol = protocol
        self._skipped = lru_cache(maxsize=16)(self._skip_ids)

    def _run(self, requests: Sequence[EmbedTokens]) -> list[Response]:
        texts = self._texts(requests)
        # Texts that are equal once cut are computed once, so that they cannot differ by rounding.
        first = {(text.ids, text.attended): text for text in texts}
        unique = list(first)
        vectors: dict[tuple[tuple[int, ...], int], NDArray[np.float32]] = {}

        def forward(batch: list[int]) -> None:
            own = [unique[place] for place in batch]
            vectors.update(zip(own, self._forward(own), strict=True))

        self._in_batches([len(ids) for ids, _ in unique], forward)
        return [
            TokenEmbeddings(
                ids=[text.ids[place] for place in text.kept],
                table=vectors[text.ids, text.attended][list(text.kept)],
                coverage=text.coverage,
                usage=Usage(input_tokens=len(text.ids), cut=int(text.cut)),
            )
            for text in texts
        ]

    def _forward(self, texts: Sequence[tuple[tuple[int, ...], int]]) -> list[NDArray[np.float32]]:
        """Unit vectors [tokens, dimensions] of each text."""
        import torch

        if self._fast is not None:
            packed = pack([ids for ids, _ in texts], attended=[count for _, count in texts])
            return [vectors.numpy() for vectors in packed.split(self._unit(self._fast(packed)))]
        width, device = max(len(ids) for ids, _ in texts), self._network.device
        pad = self._tokenizer.pad_token_id or 0
        ids = torch.tensor([[*ids, *[pad] * (width - len(ids))] for ids, _ in texts], device=device)
        attended = torch.tensor([[count] for _, count in texts], device=device)
        mask = (torch.arange(width, device=device)[None] < attended).long()
        unit = self._unit(self._network(input_ids=ids, attention_mask=mask).last_hidden_state).numpy()
        return [row[: len(ids)] for row, (ids, _) in zip(unit, texts, strict=True)]

    def _unit(self, vectors: torch.Tensor) -> torch.Tensor:
        """Hidden states [..., size], projected and brought to length 1."""
        from torch.nn.functional import normalize

        for projection in self._protocol.projections:
            vectors = projection(vectors)
        return normalize(vectors.float(), dim=-1).cpu()

    def _texts(self, requests: Sequence[EmbedTokens]) -> list[_Text]:
        groups: dict[int, list[int]] = {}
        for place, request in enumerate(requests):
            groups.setdefault(self._length(request), []).append(place)
        texts: dict[int, _Text] = {}
        for limit, places in groups.items():
            # One place is the marker's.
            options: dict[str, Any] = {"truncation": True, "max_length": limit - 1}
            if self._tokenizer.is_fast:
                options["return_offsets_mapping"] = True
            given = [requests[place].text for place in places]
            beginnings = [self._quoting.beginning(text, limit) for text in given]
            for place, whole, text, row in zip(
                places, given, beginnings, self._quoting.rows(beginnings, **options), strict=True
            ):
                ids: list[int] = row.values["input_ids"]
                offsets = row.values.get("offset_mapping")
                covered = None if offsets is None else self._coverage(row.texts[0], ids, offsets)
                texts[place] = self._text(requests[place], ids, limit, row.cut or text != whole, covered)
        return [texts[place] for place in range(len(requests))]

    def _text(self, request: EmbedTokens, own: list[int], limit: int, cut: bool, covered: float | None) -> _Text:
        """The tokens of a text with its marker, and what counts of them."""
        ids = [own[0], self._marker(request), *own[1:]]
        if request.role == "passage":
            skip = self._skipped(self._protocol.skip if request.skip is None else request.skip)
            kept = tuple(place for place, token in enumerate(ids) if token not in skip)
            return _Text(tuple(ids), len(ids), kept, cut, covered)
        length = len(ids)
        if self._protocol.expansion if request.expansion is None else request.expansion:
            ids += [self._mask] * (limit - len(ids))
        attends = self._protocol.attended if request.attended is None else request.attended
        return _Text(tuple(ids), len(ids) if attends else length, tuple(range(len(ids))), cut, covered)

    def _length(self, request: EmbedTokens) -> int:
        own = self._protocol.lengths[request.role]
        asked = None if request.max_length is None else self._limit(request.max_length)
        return asked or min(filter(None, (own, self._own_limit)))

    def _marker(self, request: EmbedTokens) -> int:
        """The marker's id. A checkpoint's own that its vocabulary lacks is unknown there, as it was in training."""
        marker = request.marker or self._protocol.markers[request.role]
        found = self._token(marker)
        if found is None and request.marker is None:
            found = self._tokenizer.unk_token_id
        if found is None:
            raise ConfigError(
                f"The marker {marker!r} is not a token of {self._name!r}.",
                hint="Leave query_prefix and document_prefix out to take the model's own.",
            )
        return found

    @cached_property
    def _mask(self) -> int:
        mask = self._tokenizer.mask_token_id
        if mask is None:
            raise ConfigError(
                f"The model {self._name!r} has no mask token to fill queries up with.",
                hint="Set do_query_expansion: false.",
            )
        return int(mask)

    def _skip_ids(self, marks: tuple[str, ...]) -> frozenset[int]:
        """The tokens of the marks: the piece itself and how the mark is tokenised, never the unknown token.

        Vocabularies that write the blank into their pieces have both ``!`` and ``▁!``, or only one of them.
        """
        found = {self._token(mark) for mark in marks}
        for mark in marks:
            pieces = self._tokenizer(mark, add_special_tokens=False)["input_ids"]
            found.update(piece for piece in pieces if str(self._tokenizer.decode([piece])).strip() == mark)
        return frozenset(found - {None, self._tokenizer.unk_token_id})  # type: ignore[arg-type]

    def _token(self, text: str) -> int | None:
        """The id of a token by its name; None where the vocabulary lacks it."""
        found: Any = self._tokenizer.convert_tokens_to_ids(text)
        return None if found is None or found == self._tokenizer.unk_token_id else int(found)

    def _coverage(self, text: str, ids: Sequence[int], offsets: Sequence[tuple[int, int]]) -> float | None:
        unknown = self._tokenizer.unk_token_id
        return coverage(text, offsets, [token != unknown for token in ids])
