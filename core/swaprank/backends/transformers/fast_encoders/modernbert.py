"""ModernBERT: layers that normalise before, rotary positions, gated feed-forward, local attention in most layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .attention import attend, attend_first
from .layers import normalized
from .linear import ACTIVATIONS, Linear
from .packing import Packed

if TYPE_CHECKING:
    import torch

Rotation = tuple["torch.Tensor", "torch.Tensor"]


class ModernBertEncoder:
    """A network of this family.

    Args:
        network: transformers' network without a head.
        first_only: Whether only the first token of each text is read.
    """

    def __init__(self, network: Any, *, first_only: bool) -> None:
        self._network = network
        blocks = network.layers
        self._layers = [
            _Layer(block, network.config, first_only=first_only and place == len(blocks) - 1)
            for place, block in enumerate(blocks)
        ]

    @property
    def linears(self) -> list[Linear]:
        """What holds the weights."""
        return [linear for layer in self._layers for linear in layer.linears]

    def __call__(self, packed: Packed) -> torch.Tensor:
        """The last hidden states [tokens, size], or [texts, size] of the first tokens."""
        own = self._network
        hidden = normalized(own.embeddings.tok_embeddings(packed.ids), own.embeddings.norm)
        rotations = {kind: self._rotation(packed, hidden, kind) for kind in {layer.kind for layer in self._layers}}
        for layer in self._layers:
            hidden = layer(hidden, packed, rotations[layer.kind])
        return normalized(hidden, own.final_norm)

    def _rotation(self, packed: Packed, hidden: torch.Tensor, kind: str) -> Rotation:
        """Cosines and sines [tokens, 1, 1, size / 2]."""
        cosines, sines = self._network.rotary_emb(hidden, packed.positions[None], kind)
        half = cosines.shape[-1] // 2
        return cosines[0, :, None, None, :half], sines[0, :, None, None, :half]


class _Layer:
    """One layer; see `layers.PostNormLayer` for the arguments."""

    def __init__(self, block: Any, config: Any, *, first_only: bool) -> None:
        self.kind: str = block.attention_type
        self._heads = config.num_attention_heads
        self._size = config.hidden_size // self._heads
        self._window = config.sliding_window if self.kind == "sliding_attention" else None
        self._first_only = first_only
        self._attention_norm = block.attn_norm if hasattr(block.attn_norm, "weight") else None
        self._norm = block.mlp_norm
        self._activation = ACTIVATIONS[config.hidden_activation]
        self._inward, self._output = Linear([block.attn.Wqkv]), Linear([block.attn.Wo])
        self._up, self._down = Linear([block.mlp.Wi]), Linear([block.mlp.Wo])

    @property
    def linears(self) -> list[Linear]:
        return [self._inward, self._output, self._up, self._down]

    def __call__(self, hidden: torch.Tensor, packed: Packed, rotation: Rotation) -> torch.Tensor:
        normed = hidden if self._attention_norm is None else normalized(hidden, self._attention_norm)
        inward = self._inward(normed).view(-1, 3, self._heads, self._size)
        query, key = _rotated(inward[:, :2], rotation).unbind(1)
        scale = self._size**-0.5
        if self._first_only:
            hidden = hidden[packed.firsts]
            mixed = attend_first(query[packed.firsts], key, inward[:, 2], packed.segments, scale, self._window)
        else:
            mixed = attend(query, key, inward[:, 2], packed.segments, scale, self._window)
        hidden = self._output(mixed, hidden)
        return self._down(self._gated(normalized(hidden, self._norm)), hidden)

    def _gated(self, rows: torch.Tensor) -> torch.Tensor:
        """The first half of the projection, activated, times the second."""
        import torch
        from torch.nn.functional import gelu

        first, gate = self._up(rows).chunk(2, -1)
        name, algorithm = self._activation
        return (torch.relu(first) if name == "relu" else gelu(first, approximate=algorithm)).mul_(gate)


def why_not(network: Any) -> str | None:
    """What of its config is not known here; None if all is."""
    config = network.config
    if config.hidden_activation not in ACTIVATIONS:
        return f"its activation is {config.hidden_activation!r}"
    if any(kind != "default" for kind in network.rotary_emb.rope_type.values()):
        return f"its rotary positions are {sorted(set(network.rotary_emb.rope_type.values()))}"
    return None


def _rotated(rows: torch.Tensor, rotation: Rotation) -> torch.Tensor:
    """Vectors [tokens, 2, heads, size] whose halves are turned against each other, computed in float32."""
    import torch

    cosines, sines = rotation
    first, second = rows.float().chunk(2, -1)
    turned = torch.cat((first * cosines - second * sines, second * cosines + first * sines), -1)
    return turned.to(rows.dtype)
