"""BERT, RoBERTa, XLM-RoBERTa, CamemBERT and DistilBERT: embeddings, and layers that normalise after their sums."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .layers import PostNormLayer, normalized
from .linear import ACTIVATIONS, Linear
from .packing import Packed

if TYPE_CHECKING:
    import torch


class BertEncoder:
    """A network of this family.

    Args:
        network: transformers' network without a head.
        first_only: Whether only the first token of each text is read.
    """

    def __init__(self, network: Any, *, first_only: bool) -> None:
        config = network.config
        self._embeddings = network.embeddings
        # RoBERTa counts positions from after the padding index, over tokens that are no padding.
        self._offset: int | None = getattr(network.embeddings, "padding_idx", None)
        distilled = config.model_type == "distilbert"
        blocks = network.transformer.layer if distilled else network.encoder.layer
        layer = _distilbert_layer if distilled else _bert_layer
        self._layers = [
            layer(block, config, first_only=first_only and place == len(blocks) - 1)
            for place, block in enumerate(blocks)
        ]

    @property
    def linears(self) -> list[Linear]:
        """What holds the weights."""
        return [linear for layer in self._layers for linear in layer.linears]

    def __call__(self, packed: Packed) -> torch.Tensor:
        """The last hidden states [tokens, size], or [texts, size] of the first tokens."""
        hidden = self._embedded(packed)
        for layer in self._layers:
            hidden = layer(hidden, packed)
        return hidden

    def _embedded(self, packed: Packed) -> torch.Tensor:
        own = self._embeddings
        hidden: torch.Tensor = own.word_embeddings(packed.ids)
        if hasattr(own, "token_type_embeddings"):
            hidden = hidden + own.token_type_embeddings(packed.types)
        return normalized(hidden + own.position_embeddings(self._positions(packed)), own.LayerNorm)

    def _positions(self, packed: Packed) -> torch.Tensor:
        if self._offset is None:
            return packed.positions
        import torch

        counted = packed.ids.ne(self._offset) & packed.real
        positions = torch.zeros_like(packed.ids)
        for one in packed.segments:
            own = counted[one.start : one.stop].view(one.count, one.width)
            positions[one.start : one.stop] = own.cumsum(1).view(-1)
        return positions * counted + self._offset


def why_not(network: Any) -> str | None:
    """What of its config is not known here; None if all is."""
    config = network.config
    activation = config.activation if config.model_type == "distilbert" else config.hidden_act
    if activation not in ACTIVATIONS:
        return f"its activation is {activation!r}"
    if getattr(config, "is_decoder", False) or getattr(config, "add_cross_attention", False):
        return "it is a decoder"
    if getattr(config, "position_embedding_type", None) not in (None, "absolute"):
        return f"its positions are {config.position_embedding_type!r}"
    return None


def _bert_layer(block: Any, config: Any, *, first_only: bool) -> PostNormLayer:
    attention = block.attention
    return PostNormLayer(
        attention.self.query,
        attention.self.key,
        attention.self.value,
        attention.output.dense,
        attention.output.LayerNorm,
        block.intermediate.dense,
        block.output.dense,
        block.output.LayerNorm,
        activation=config.hidden_act,
        heads=config.num_attention_heads,
        first_only=first_only,
    )


def _distilbert_layer(block: Any, config: Any, *, first_only: bool) -> PostNormLayer:
    attention = block.attention
    return PostNormLayer(
        attention.q_lin,
        attention.k_lin,
        attention.v_lin,
        attention.out_lin,
        block.sa_layer_norm,
        block.ffn.lin1,
        block.ffn.lin2,
        block.output_layer_norm,
        activation=config.activation,
        heads=config.n_heads,
        first_only=first_only,
    )
