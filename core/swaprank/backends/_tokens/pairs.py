"""Tokenisation of (query, passage) pairs, in the two ways that official codes have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...errors import ConfigError
from ...requests import PairScore

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

Encoding = dict[str, list[int]]


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


def encode_pairs(
    tokenizer: PreTrainedTokenizerBase, requests: Sequence[PairScore], limits: Sequence[int | None]
) -> list[Encoding]:
    """Token ids and masks of each pair, unpadded.

    ``longest_first`` is the tokenizer's own pair call. ``passage`` is FlagEmbedding's way, whose call is
    gone from transformers 5: both sides tokenised alone, the query cut first, then the passage to what
    is left, joined by the special tokens that the tokenizer puts around a pair.

    Args:
        tokenizer: The model's tokenizer.
        requests: The pairs.
        limits: Most tokens of each pair, special tokens included; None for no limit.
    """
    encodings: dict[int, Encoding] = {}
    plain: dict[int | None, list[int]] = {}
    for place, (request, limit) in enumerate(zip(requests, limits, strict=True)):
        if request.truncation == "passage":
            encodings[place] = _joined(tokenizer, request, limit)
        elif request.truncation == "sides":
            encodings[place] = _side_by_side(tokenizer, request)
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


def _joined(tokenizer: PreTrainedTokenizerBase, request: PairScore, limit: int | None) -> Encoding:
    frame = tokenizer("a", "b")
    sides = frame.sequence_ids(0)
    # Other than in FlagEmbedding, a query_max_length that leaves no room for the special tokens is lowered.
    room = None if limit is None else max(0, limit - sides.count(None))
    query = _ids(tokenizer, request.query)[: request.query_max_length][:room]
    passage = _ids(tokenizer, request.passage)[: None if room is None else room - len(query)]
    filled: Encoding = {key: [] for key in frame}
    for place, side in enumerate(sides):
        if side is not None and place > 0 and sides[place - 1] == side:
            continue
        content = [frame["input_ids"][place]] if side is None else query if side == 0 else passage
        for key in filled:
            filled[key] += content if key == "input_ids" else [frame[key][place]] * len(content)
    return filled


def _side_by_side(tokenizer: PreTrainedTokenizerBase, request: PairScore) -> Encoding:
    """Two texts of their own, the cut made before their special tokens are added."""
    filled: Encoding = {}
    for text, most in ((request.query, request.query_max_length), (request.passage, request.passage_max_length)):
        kept = tokenizer.decode(_ids(tokenizer, text)[:most])
        for key, values in tokenizer(kept).items():
            filled[key] = [*filled.get(key, []), *values]
    return filled


def _ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
