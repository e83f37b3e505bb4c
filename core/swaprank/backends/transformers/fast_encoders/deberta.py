"""DeBERTa-v2 and v3: disentangled attention (He et al. 2021, https://arxiv.org/abs/2006.03654) over packed texts.

A token's score for another is the sum of three products: of their contents, and of each one's content with the
vector of their distance. transformers projects the distances in every pass and gathers the products by distance. Here
they are projected once, a distance is a row of a matrix, and a strided view of the products is the table of scores.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .attention import summing, weigh
from .layers import PostNormLayer, normalized
from .linear import ACTIVATIONS, Linear
from .packing import Packed, Segment

if TYPE_CHECKING:
    import torch


class DebertaEncoder:
    """A network of this family.

    Args:
        network: transformers' network without a head.
        first_only: Whether only the first token of each text is read.
    """

    def __init__(self, network: Any, *, first_only: bool) -> None:
        self._embeddings = network.embeddings
        distances = network.encoder.get_rel_embedding()
        blocks = network.encoder.layer
        self._layers = [
            _layer(block, network.config, distances, first_only=first_only and place == len(blocks) - 1)
            for place, block in enumerate(blocks)
        ]

    @property
    def linears(self) -> list[Linear]:
        """What holds the weights."""
        return [linear for layer in self._layers for linear in layer.linears]

    def __call__(self, packed: Packed) -> torch.Tensor:
        """The last hidden states [tokens, size], or [texts, size] of the first tokens."""
        own = self._embeddings
        hidden: torch.Tensor = own.word_embeddings(packed.ids)
        if own.position_embeddings is not None:
            hidden = hidden + own.position_embeddings(packed.positions)
        if own.token_type_embeddings is not None:
            hidden = hidden + own.token_type_embeddings(packed.types)
        if own.embed_proj is not None:
            hidden = own.embed_proj(hidden)
        hidden = normalized(hidden, own.LayerNorm)
        for layer in self._layers:
            hidden = layer(hidden, packed)
        return hidden


def why_not(network: Any) -> str | None:
    """What of its config is not known here; None if all is."""
    config = network.config
    if config.hidden_act not in ACTIVATIONS:
        return f"its activation is {config.hidden_act!r}"
    if not getattr(config, "relative_attention", False) or set(config.pos_att_type or ()) != {"c2p", "p2c"}:
        return f"its attention is {config.pos_att_type!r}"
    if network.encoder.conv is not None:
        return "it has a convolution"
    return None


class Disentangled:
    """Attention by contents and distances.

    Args:
        keys: What a query's content is multiplied with for each bucket of distances, [buckets, heads, size].
        queries: The same for a key's content.
        most: The distance that the last bucket ends at.
    """

    def __init__(self, keys: torch.Tensor, queries: torch.Tensor, most: int, *, logarithmic: bool) -> None:
        self._keys, self._queries = keys.transpose(0, 1).contiguous(), queries.transpose(0, 1).contiguous()
        self._most = most
        self._logarithmic = logarithmic
        self._scale = 1 / math.sqrt(3 * keys.shape[-1])
        self._buckets = lru_cache(maxsize=512)(self._of_width)

    def all(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, segments: Sequence[Segment]
    ) -> torch.Tensor:
        """As in `layers.Attention`."""
        mixed = query.new_zeros(query.shape)  # also where no text stands
        sides = (query, key, summing(value), mixed)
        for segment in segments:
            shape = (segment.count, segment.width, query.shape[1], -1)
            own = [side[segment.start : segment.stop].view(shape).transpose(1, 2) for side in sides]
            keep = None if segment.keep is None else segment.keep[:, None, None]
            weigh(self._scores(own[0], own[1]), own[2], keep, own[3])
        return mixed.flatten(1)

    def first(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, segments: Sequence[Segment]
    ) -> torch.Tensor:
        """As in `layers.Attention`."""
        mixed, ones, place = query.new_empty(query.shape), summing(value), 0
        for segment in segments:
            shape = (segment.count, segment.width, query.shape[1], -1)
            keys, values = (side[segment.start : segment.stop].view(shape).transpose(1, 2) for side in (key, ones))
            own, into = (side[place : place + segment.count, :, None] for side in (query, mixed))
            # The first token's distances to the others are 0, -1, -2 ...
            near = self._buckets(segment.width)[: segment.width].flip(0)
            scores = (
                own @ (keys + self._keys[:, near]).transpose(2, 3) + (keys * self._queries[:, near]).sum(-1)[:, :, None]
            )
            keep = None if segment.keep is None else segment.keep[:, None, None]
            weigh(scores.mul_(self._scale / math.log(2)), values, keep, into)
            place += segment.count
        return mixed.flatten(1)

    def _scores(self, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
        """Logarithms to base 2 of the weights [count, heads, width, width] of [count, heads, width, size]."""
        import torch

        count, heads, width, _ = query.shape
        near = self._buckets(width)
        # Row i holds its products with the distances i - j, from j = 0 at place width - 1 - i on.
        by_query = query @ self._keys[:, near.flip(0)].transpose(1, 2)
        by_key = key @ self._queries[:, near].transpose(1, 2)
        whole, step = width * (2 * width - 1), 2 * width - 2
        sizes, outer = (count, heads, width, width), (heads * whole, whole)
        rows = by_query.contiguous().as_strided(sizes, (*outer, step, 1), width - 1)
        columns = by_key.contiguous().as_strided(sizes, (*outer, 1, step), width - 1)
        scores = torch.matmul(query, key.transpose(2, 3)).add_(rows).add_(columns)
        return scores.mul_(self._scale / math.log(2))

    def _of_width(self, width: int) -> torch.Tensor:
        """The bucket of each distance -(width - 1) ... width - 1."""
        import torch

        span = self._keys.shape[1] // 2
        distances = torch.arange(1 - width, width)
        if self._logarithmic:
            middle = span // 2
            size = torch.where(distances.abs() < middle, torch.tensor(middle - 1), distances.abs())
            steps = torch.log(size / middle) / torch.log(torch.tensor((self._most - 1) / middle)) * (middle - 1)
            far = (torch.ceil(steps) + middle) * distances.sign()
            distances = torch.where(size <= middle, distances.to(far.dtype), far).long()
        return (distances + span).clamp(0, 2 * span - 1)


def _layer(block: Any, config: Any, distances: torch.Tensor, *, first_only: bool) -> PostNormLayer:
    own = block.attention.self
    span = own.pos_ebd_size
    rows = distances[: 2 * span]
    keys, queries = (own.key_proj, own.query_proj) if own.share_att_key else (own.pos_key_proj, own.pos_query_proj)
    by_bucket = [layer(rows).view(2 * span, own.num_attention_heads, -1) for layer in (keys, queries)]
    attention = Disentangled(
        by_bucket[0],
        by_bucket[1],
        own.max_relative_positions,
        logarithmic=own.position_buckets > 0,
    )
    return PostNormLayer(
        own.query_proj,
        own.key_proj,
        own.value_proj,
        block.attention.output.dense,
        block.attention.output.LayerNorm,
        block.intermediate.dense,
        block.output.dense,
        block.output.LayerNorm,
        activation=config.hidden_act,
        heads=own.num_attention_heads,
        first_only=first_only,
        attention=attention,
    )
