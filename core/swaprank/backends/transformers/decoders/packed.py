"""A forward pass of decoders over packed sequences, for scoring on a CPU.

The tokens of all sequences lie behind one another, without padding, so that every product of matrices is over tokens
that count; only attention looks at one sequence at a time. The last layer computes its keys and values for all
tokens, and everything else only for the rows whose logits are read.

The modules are the model's own, called in the order of its own forward. Which architectures that order holds for
is a list of names, and `checked.py` compares both forwards whenever a model is loaded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from transformers import PreTrainedModel

# Pre-norm decoders with rotary positions, a gated MLP and nothing scaled besides.
ARCHITECTURES = frozenset({"llama", "mistral", "qwen2", "qwen3"})
# Norms that are weight * x / rms(x), computed in float32; torch has them as one operator.
_RMS_NORMS = frozenset({"LlamaRMSNorm", "MistralRMSNorm", "Qwen2RMSNorm", "Qwen3RMSNorm"})
# Queries of one block of attention, measured: small ones waste little on what they may not see.
_BLOCK, _BLOCK_16 = 64, 128


@dataclass(frozen=True, slots=True)
class Prefix:
    """What many sequences begin with, read once.

    Attributes:
        length: Its number of tokens.
        kept: For each layer its keys and values, each [groups, tokens, size].
    """

    length: int
    kept: list[tuple[Tensor, Tensor]]


class PackedDecoder:
    """A decoder of a known architecture.

    Args:
        network: The transformers model; its `base_model` is of `ARCHITECTURES`.
        head: What reads the last hidden states.
    """

    def __init__(self, network: PreTrainedModel, head: torch.nn.Module) -> None:
        body: Any = network.base_model
        config = body.config
        self._body, self._head = body, head
        self.dtype: torch.dtype = network.dtype
        self._layers: list[Any] = list(body.layers[: config.num_hidden_layers])
        self._size: int = self._layers[0].self_attn.head_dim
        windows = [getattr(layer.self_attn, "sliding_window", None) for layer in self._layers]
        windows.append(getattr(config, "sliding_window", None) if config.model_type == "mistral" else None)
        # Within their window, layers with a sliding window are layers like all others.
        self.longest: int | None = min((window for window in windows if window), default=None)

    def prefix(self, ids: Sequence[int]) -> Prefix:
        """Read a beginning and keep its keys and values."""
        kept: list[tuple[Tensor, Tensor]] = []
        self._hidden([ids], [0], None, kept)
        return Prefix(len(ids), kept)

    def logits(self, rows: Sequence[Sequence[int]], keep: Sequence[int], prefix: Prefix | None = None) -> Tensor:
        """What the head makes of the last tokens of each row.

        Args:
            rows: Token ids of each row after the prefix, at least one.
            keep: How many last tokens of each row are read, from 1 to its length.
            prefix: What every row begins with.

        Returns:
            [sum of keep, width of the head], in float32, row after row.
        """
        hidden = self._hidden(rows, keep, prefix, None)
        logits: Tensor = self._head(self._body.norm(hidden)[None])[0]
        return logits.float()

    def _hidden(
        self,
        rows: Sequence[Sequence[int]],
        keep: Sequence[int],
        prefix: Prefix | None,
        kept: list[tuple[Tensor, Tensor]] | None,
    ) -> Tensor:
        """The residual stream behind the last layer at the rows that are read; ``kept`` gets keys and values."""
        import torch

        device = self._body.device
        past = 0 if prefix is None else prefix.length
        lengths = [len(row) for row in rows]
        ids = torch.tensor([token for row in rows for token in row], device=device)
        positions = torch.cat([torch.arange(past, past + length, device=device) for length in lengths])
        hidden: Tensor = self._body.embed_tokens(ids)
        cos, sin = (angles[0, :, None, :] for angles in self._body.rotary_emb(hidden[None], positions[None]))
        ends = torch.tensor(lengths, device=device).cumsum(0).tolist()
        read = torch.cat([torch.arange(end - count, end, device=device) for end, count in zip(ends, keep, strict=True)])
        for index, layer in enumerate(self._layers):
            attention = layer.self_attn
            normed = _norm(layer.input_layernorm, hidden)
            key = _rotated(self._heads(attention, "k", normed), cos, sin)
            value = self._heads(attention, "v", normed)
            before = None if prefix is None else prefix.kept[index]
            if kept is not None:
                kept.append((key.transpose(0, 1).contiguous(), value.transpose(0, 1).contiguous()))
            counts = lengths
            if index == len(self._layers) - 1:
                if not len(read):
                    return hidden[read]
                hidden, normed, cos, sin, counts = hidden[read], normed[read], cos[read], sin[read], list(keep)
            query = _rotated(self._heads(attention, "q", normed), cos, sin)
            mixed = _attention(query, key, value, counts, lengths, before, attention.scaling)
            hidden += attention.o_proj(mixed)
            hidden += _gated(layer.mlp, _norm(layer.post_attention_layernorm, hidden))
        return hidden

    def _heads(self, attention: Any, name: str, hidden: Tensor) -> Tensor:
        """Queries, keys or values [tokens, heads, size], normed where the architecture does."""
        heads: Tensor = getattr(attention, f"{name}_proj")(hidden).view(len(hidden), -1, self._size)
        norm = getattr(attention, f"{name}_norm", None)
        return heads if norm is None else _norm(norm, heads)


def _norm(norm: Any, values: Tensor) -> Tensor:
    import torch

    if type(norm).__name__ in _RMS_NORMS:
        return torch.nn.functional.rms_norm(values, norm.weight.shape, norm.weight, norm.variance_epsilon)
    normed: Tensor = norm(values)
    return normed


def _gated(mlp: Any, values: Tensor) -> Tensor:
    """The gated MLP, whose widest intermediate result is written once."""
    gate: Tensor = mlp.act_fn(mlp.gate_proj(values))
    found: Tensor = mlp.down_proj(gate.mul_(mlp.up_proj(values)))
    return found


def _rotated(heads: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions: heads [tokens, heads, size], angles [tokens, 1, size], the second half as the first."""
    half = heads.shape[-1] // 2
    first, second = heads[..., :half], heads[..., half:]
    turned = heads * cos
    turned[..., :half].addcmul_(second, sin[..., :half], value=-1)
    turned[..., half:].addcmul_(first, sin[..., half:])
    return turned


def _attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    counts: Sequence[int],
    lengths: Sequence[int],
    prefix: tuple[Tensor, Tensor] | None,
    scaling: float,
) -> Tensor:
    """Causal attention of each sequence to its prefix and itself.

    Args:
        query: [sum of counts, heads, size], for the last tokens of each sequence.
        key: [sum of lengths, groups, size].
        value: [sum of lengths, groups, size].
        counts: How many queries each sequence has.
        lengths: How many keys each sequence has.
        prefix: Keys and values [groups, tokens, size] that come before those of each sequence.
        scaling: Factor of the logits.

    Returns:
        [sum of counts, heads * size].
    """
    import torch

    groups, size = key.shape[1:]
    mixed = query.new_empty(len(query), query.shape[1] * size)
    start = first = 0
    for count, length in zip(counts, lengths, strict=True):
        queries = query[first : first + count].view(count, groups, -1, size).permute(1, 2, 0, 3)
        keys, values = (one[start : start + length].transpose(0, 1) for one in (key, value))
        if prefix is not None:
            keys, values = (torch.cat(pair, dim=1) for pair in zip(prefix, (keys, values), strict=True))
        _attend(queries, keys, values, scaling, mixed[first : first + count])
        first, start = first + count, start + length
    return mixed


def _attend(queries: Tensor, keys: Tensor, values: Tensor, scaling: float, mixed: Tensor) -> None:
    """Attention of a sequence's last tokens, in blocks of queries that see no keys behind them.

    The kernel in torch computes the hidden half too, and multiplies 16-bit numbers in 32 bits: on an EPYC with
    AVX512-BF16 it takes three times as long in bfloat16, for 450 tokens, and half as long again in float32.

    Args:
        queries: [groups, heads of a group, count, size].
        keys: [groups, tokens, size].
        values: [groups, tokens, size].
        scaling: Factor of the logits, which are computed in float32 at least from here on.
        mixed: [count, heads * size], to be filled.
    """
    import torch

    groups, shared, count, size = queries.shape
    before = keys.shape[1] - count
    block = _BLOCK if keys.dtype == torch.float32 else _BLOCK_16
    turned = keys.transpose(1, 2)
    exact = math.frexp(scaling)[0] == 0.5  # a power of two: scaled queries round to nothing else
    if exact:
        queries = queries * scaling
    hidden = queries.new_full((min(block, count),) * 2, -math.inf, dtype=torch.float32).triu_(1)
    for start in range(0, count, block):
        stop = min(start + block, count)
        rows, seen = stop - start, before + stop
        logits = torch.bmm(queries[:, :, start:stop].reshape(groups, shared * rows, size), turned[:, :, :seen])
        logits = (logits.float() if exact else logits.float().mul_(scaling)).view(groups, shared, rows, seen)
        logits[..., before + start :] += hidden[:rows, :rows]
        weights = logits.softmax(-1).to(values.dtype).view(groups, shared * rows, seen)
        found = torch.bmm(weights, values[:, :seen]).view(groups, shared, rows, size)
        mixed[start:stop] = found.permute(2, 0, 1, 3).reshape(rows, -1)
