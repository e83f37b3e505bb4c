"""Tokenisation of (query, passage) pairs, in the ways that official codes have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import ConfigError
from ...prompt import Slot
from ...requests import PairScore
from .quoting import Quoting

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

Encoding = dict[str, list[int]]


@dataclass(frozen=True, slots=True)
class EncodedPair:
    """A pair as the network reads it.

    Attributes:
        inputs: ``input_ids`` and whatever masks and types the tokenizer adds, unpadded.
        cut: Whether one of the two texts was cut to make it fit.
    """

    inputs: Encoding
    cut: bool

    @property
    def ids(self) -> list[int]:
        """The token ids."""
        return self.inputs["input_ids"]


def encode_pairs(quoting: Quoting, requests: Sequence[PairScore], limits: Sequence[int | None]) -> list[EncodedPair]:
    """Token ids and masks of each pair; control tokens in either text are read as `Quoting` says.

    ``longest_first`` is the tokenizer's own pair call. ``passage`` is FlagEmbedding's way, whose call is
    gone from transformers 5: both sides tokenised alone, the query cut first, then the passage to what
    is left, joined by the special tokens that the tokenizer puts around a pair. ``sides`` are two texts of their own,
    each cut before its special tokens are added.

    Args:
        quoting: The model's tokenizer.
        requests: The pairs.
        limits: Most tokens of each pair, special tokens included; None for no limit.
    """
    encodings: dict[int, EncodedPair] = {}
    own_call: dict[int | None, list[int]] = {}
    for place, (request, limit) in enumerate(zip(requests, limits, strict=True)):
        if request.truncation == "passage":
            encodings[place] = _joined(quoting, request, limit)
        elif request.truncation == "sides":
            encodings[place] = _side_by_side(quoting, request)
        else:
            own_call.setdefault(limit, []).append(place)
    for limit, places in own_call.items():
        pairs = _longest_first(quoting, [requests[place] for place in places], limit)
        encodings.update(zip(places, pairs, strict=True))
    return [encodings[place] for place in range(len(requests))]


def output_of(label: int | None, outputs: int, model: str) -> int:
    """Which output of a head with so many is the relevance.

    Raises:
        ConfigError: The label names none, or none is named among several.
    """
    if (label is None and outputs != 1) or (label is not None and label >= outputs):
        raise ConfigError(
            f"The model {model!r} has {outputs} outputs and label is {label!r}.",
            hint=f"Say which output is the relevance: label: 0 to {outputs - 1}.",
        )
    return label or 0


def padded(tokenizer: PreTrainedTokenizerBase, encodings: Sequence[Encoding]) -> dict[str, torch.Tensor]:
    """Encodings as tensors [pairs, tokens], the shorter ones filled up on the tokenizer's side."""
    import numpy as np
    import torch

    filling = {"input_ids": tokenizer.pad_token_id or 0, "token_type_ids": tokenizer.pad_token_type_id}
    width = max(len(encoding["input_ids"]) for encoding in encodings)
    tensors = {}
    for key in encodings[0]:
        table = np.full((len(encodings), width), filling.get(key, 0), dtype=np.int64)
        for row, encoding in enumerate(encodings):
            size = len(encoding[key])
            start = width - size if tokenizer.padding_side == "left" else 0
            table[row, start : start + size] = encoding[key]
        tensors[key] = torch.from_numpy(table)
    return tensors


def _longest_first(quoting: Quoting, requests: Sequence[PairScore], limit: int | None) -> list[EncodedPair]:
    pairs = [
        (quoting.beginning(request.query, limit), quoting.beginning(request.passage, limit)) for request in requests
    ]
    queries, passages = zip(*pairs, strict=True)
    rows = quoting.rows(queries, passages, truncation="longest_first" if limit else False, max_length=limit)
    return [
        EncodedPair(row.values, row.cut or pair != (request.query, request.passage))
        for request, pair, row in zip(requests, pairs, rows, strict=True)
    ]


def _joined(quoting: Quoting, request: PairScore, limit: int | None) -> EncodedPair:
    frame = quoting.tokenizer("a", "b")
    sides = frame.sequence_ids(0)
    # Other than in FlagEmbedding, a query_max_length that leaves no room for the special tokens is lowered.
    room = None if limit is None else max(0, limit - sides.count(None))
    most = min((size for size in (request.query_max_length, room) if size is not None), default=None)
    query, query_cut = _first(quoting, request.query, most)
    passage, passage_cut = _first(quoting, request.passage, None if room is None else room - len(query))
    filled: Encoding = {key: [] for key in frame}
    for place, side in enumerate(sides):
        if side is not None and place > 0 and sides[place - 1] == side:
            continue
        content = [frame["input_ids"][place]] if side is None else query if side == 0 else passage
        for key in filled:
            filled[key] += content if key == "input_ids" else [frame[key][place]] * len(content)
    return EncodedPair(filled, query_cut or passage_cut)


def _side_by_side(quoting: Quoting, request: PairScore) -> EncodedPair:
    before, after = quoting.frame
    ids: list[int] = []
    cut = False
    for text, most in ((request.query, request.query_max_length), (request.passage, request.passage_max_length)):
        own, shortened = _first(quoting, text, most)
        ids += [*before, *own, *after]
        cut = cut or shortened
    filled = {"input_ids": ids, "attention_mask": [1] * len(ids)}
    if "token_type_ids" in quoting.tokenizer.model_input_names:
        filled["token_type_ids"] = [0] * len(ids)
    return EncodedPair(filled, cut)


def _first(quoting: Quoting, text: str, most: int | None) -> tuple[list[int], bool]:
    """The first tokens of an outside text, and whether there were more."""
    ids = quoting.text((Slot(quoting.beginning(text, most)),))
    return ids[:most], most is not None and len(ids) > most
