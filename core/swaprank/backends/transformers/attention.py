"""The attention that a context receives from what follows it, without the attention matrix of the context.

The context is read once, by whatever kernel the model uses, and its keys and values are kept. Each ending is then
read against them with an attention function of our own, which transformers calls with queries and keys as rotated
by the model. It computes the few rows of the ending, adds them up at once, and forgets them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from transformers import PreTrainedModel

    from .causal import CausalNetwork

_NAME = "swaprank_received"
# What transformers calls layers whose keys can all be kept; others carry a state (linear attention, convolutions).
_ATTENTION = {"full_attention", "sliding_attention", "chunked_attention"}
_OTHERS = "Take a decoder of transformers with attention in every layer, such as Llama, Mistral or Qwen."


class _Sum:
    """What the first tokens received so far, and from how many layers."""

    def __init__(self, length: int, device: torch.device) -> None:
        import torch

        self.received = torch.zeros(length, dtype=torch.float32, device=device)
        self.layers = 0


_sum: ContextVar[_Sum] = ContextVar("swaprank_received")


def received(
    causal: CausalNetwork, model: str, context: Sequence[int], endings: Sequence[Sequence[int]]
) -> list[NDArray[np.float32]]:
    """What each token of a context receives from each ending: [tokens of the context] per ending.

    Args:
        causal: The network.
        model: Its name in messages.
        context: Token ids, at least one.
        endings: Token ids, at least one each.

    Returns:
        Attention probabilities in float32, mean over the tokens of the ending, sum over heads and layers.

    Raises:
        ConfigError: The network does not compute attention in the way of transformers, in every layer.
    """
    import torch
    from transformers.cache_utils import DynamicCache

    network, config = causal.network, causal.network.config.get_text_config()
    if network._is_stateful or not _ATTENTION.issuperset(getattr(config, "layer_types", None) or ()):
        raise ConfigError(f"Not every layer of {model!r} is attention.", hint=_OTHERS)
    # Without a config every layer keeps all keys, those of a sliding window too; the masks still know of it.
    kept: Any = DynamicCache()

    def read(ids: Sequence[int], start: int) -> None:
        tokens = torch.tensor([ids], device=network.device)
        positions = torch.arange(start, start + len(ids), device=network.device)[None]
        causal.forward(tokens, torch.ones_like(tokens), positions, kept, 1, True)

    read(context, 0)
    layers = config.num_hidden_layers
    found = []
    for ending in endings:
        total = _Sum(len(context), network.device)
        with _counting(network, total):
            read(ending, len(context))
        if total.layers != layers:
            raise ConfigError(
                f"The attention of only {total.layers} of the {layers} layers of {model!r} can be read.",
                hint=_OTHERS,
            )
        found.append(total.received.cpu().numpy())
        for layer in kept.layers:
            layer.keys, layer.values = layer.keys[:, :, : len(context)], layer.values[:, :, : len(context)]
    return found


@contextmanager
def _counting(network: PreTrainedModel, total: _Sum) -> Iterator[None]:
    """The network with our attention function in every layer, which adds to ``total``."""
    _register()
    own = network.config._attn_implementation
    token = _sum.set(total)
    network.set_attn_implementation(_NAME)
    try:
        yield
    finally:
        network.set_attn_implementation(own)
        _sum.reset(token)


@cache
def _register() -> None:
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import eager_mask

    AttentionInterface.register(_NAME, _attention)
    AttentionMaskInterface.register(_NAME, eager_mask)


def _attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    softcap: float | None = None,
    s_aux: torch.Tensor | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """Attention of one sequence by the contract of transformers, one group of heads that share their keys at a time.

    Args:
        module: The layer.
        query: [1, heads, rows, size]; the rows of the ending.
        key: [1, groups, tokens, size].
        value: [1, groups, tokens, size of values].
        attention_mask: [1, 1, rows, tokens], added to the logits.
        scaling: Factor of the logits; None for one over the root of the size.
        softcap: Logits are squeezed into plus or minus this, where a model has it.
        s_aux: [heads], logits of a sink, which takes its share of attention and gives nothing, where a model has it.
        others: What concerns other kernels.
    """
    import torch

    if attention_mask is None:
        raise ConfigError(f"The attention of a {type(module).__name__} cannot be read.", hint="Take another model.")
    groups, size = key.shape[1], query.shape[-1]
    total, outputs = _sum.get(), []
    mask = attention_mask[0, 0, :, : key.shape[2]].float()
    for group, queries in enumerate(query[0].chunk(groups)):
        logits = queries.float() @ key[0, group].float().T * (size**-0.5 if scaling is None else scaling)
        if softcap is not None:
            logits = (logits / softcap).tanh() * softcap
        logits = logits + mask
        if s_aux is not None:
            sinks = s_aux.float().chunk(groups)[group][:, None, None].expand(*logits.shape[:2], 1)
            logits = torch.cat([logits, sinks], -1)
        probabilities = logits.softmax(-1)[..., : key.shape[2]]
        own = probabilities[..., : len(total.received)].mean(1).sum(0)
        total.received += own.to(total.received.device)  # a device_map spreads layers over devices
        outputs.append(probabilities.to(value.dtype) @ value[0, group])
    total.layers += 1
    return torch.cat(outputs).transpose(0, 1)[None].contiguous(), None
