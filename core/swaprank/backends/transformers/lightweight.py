"""Gemma 2 with a head, cut off behind a layer, the tokens of the passage averaged between layers (BGE's lightweight).

The modules are those of transformers, called in the order of their own forward, which cannot change the number of
tokens on the way. The official code attends by torch's scaled_dot_product_attention, which leaves out Gemma's soft cap
of the attention's logits, and reads the first head, whichever layer it stops behind; so do we.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError
from ...requests import PromptScore
from .._checkpoints.limits import positions
from .._common.token_batches import in_batches
from .._tokens.tokens import Tokens
from .loading.networks import check_torch, load_network
from .loading.report import expecting
from .loading.tensors import stored_tensors
from .padding import padded
from .prompt_scorer import Prompt, PromptScorer

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from .._checkpoints.source import Source
    from .options import TransformersOptions

COMPRESSING = "cost_wise_gemma"
_HEAD = "lm_head."
# What Gemma 2's config must not be told: the rest is its own.
_OTHER = frozenset({"model_type", "architectures", "auto_map", "start_layer", "layer_sep", "layer_wise"})


@dataclass(frozen=True, slots=True)
class LightReading:
    """How a prompt is read.

    Attributes:
        layer: How many layers are computed.
        ratio: How many tokens become one.
        compressed: In front of which layers that happens.
        before: How many tokens at the beginning are left as they are.
        after: How many tokens at the end are left as they are.
    """

    layer: int
    ratio: int = 1
    compressed: tuple[int, ...] = ()
    before: int = 0
    after: int = 0


class LightweightScorer(PromptScorer[LightReading]):
    """A Gemma 2 whose head reads the last token behind any of its later layers.

    Args:
        network: The network without a head.
        head: Its head of one output.
        cuts: How many layers may be computed.
        tokens: The model's tokenizer.
        options: The backend's options.
    """

    def __init__(
        self, network: Any, head: torch.nn.Module, cuts: range, tokens: Tokens, options: TransformersOptions
    ) -> None:
        config = network.config
        # Within its window, a layer with a sliding window is a layer like all others.
        limits = (options.max_model_len, positions(config), config.sliding_window)
        super().__init__(tokens, min(limit for limit in limits if limit))
        self._network = network
        self._head = head
        self._cap: float | None = config.final_logit_softcapping
        self._cuts = cuts
        self._tokens = tokens
        self._batch_tokens = options.batch_tokens

    def _reading(self, request: PromptScore) -> LightReading:
        layer = max(self._cuts) if request.layer is None else request.layer
        if layer not in self._cuts:
            raise ConfigError(
                f"The model {self._model!r} has no head on layer {layer}.",
                hint=f"Set cutoff_layers to one of {', '.join(map(str, self._cuts))}.",
            )
        how = request.compression
        if how is None:
            return LightReading(layer)
        before, after = (len(self._tokens.encode(part).ids) for part in (how.before, how.after))
        compressed = tuple(sorted(place for place in set(how.layers) if 0 < place < layer))
        return LightReading(layer, how.ratio, compressed, before, after)

    def _logits(self, prompts: Sequence[Prompt], reading: LightReading) -> list[float]:
        logits = [0.0] * len(prompts)

        def forward(places: list[int]) -> None:
            for place, logit in zip(places, self._forward([prompts[place] for place in places], reading), strict=True):
                logits[place] = logit

        in_batches([len(prompt) for prompt in prompts], self._batch_tokens, forward)
        return logits

    def _forward(self, prompts: Sequence[Prompt], reading: LightReading) -> list[float]:
        import torch

        network = self._network
        ids, mask = padded(prompts, network.device)
        lengths = mask.sum(1)
        hidden: Tensor = network.embed_tokens(ids)
        if not hasattr(network.embed_tokens, "embed_scale"):  # transformers 4 scales them in its forward
            hidden = hidden * torch.tensor(network.config.hidden_size**0.5, dtype=hidden.dtype)
        angles = self._angles(hidden)
        for place, layer in enumerate(network.layers[: reading.layer]):
            if place in reading.compressed:
                hidden, lengths = _compressed(hidden, lengths, reading)
                angles = self._angles(hidden)
            hidden = _layer(layer, hidden, angles)
        last = hidden[torch.arange(len(prompts), device=hidden.device), lengths - 1]
        logits: Tensor = self._head(network.norm(last))[:, 0]
        if self._cap:
            logits = (logits / self._cap).tanh() * self._cap
        read: list[float] = logits.float().tolist()
        return read

    def _angles(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines and sines of the rotary positions, each [1, 1, width, size of a head]."""
        import torch

        cos, sin = self._network.rotary_emb(hidden, torch.arange(hidden.shape[1], device=hidden.device)[None])
        return cos[:, None], sin[:, None]


def _layer(layer: Any, hidden: Tensor, angles: tuple[Tensor, Tensor]) -> Tensor:
    """One layer; no mask is needed, since tokens look at those in front of them, and padding is behind."""
    import torch

    attention = layer.self_attn
    normed = layer.input_layernorm(hidden)
    query, key, value = (
        project(normed).unflatten(-1, (-1, attention.head_dim)).transpose(1, 2)
        for project in (attention.q_proj, attention.k_proj, attention.v_proj)
    )
    mixed = torch.nn.functional.scaled_dot_product_attention(
        _turned(query, angles),
        _turned(key, angles),
        value,
        is_causal=True,
        scale=attention.scaling,
        enable_gqa=True,
    )
    hidden = hidden + layer.post_attention_layernorm(attention.o_proj(mixed.transpose(1, 2).flatten(2)))
    fed: Tensor = layer.post_feedforward_layernorm(layer.mlp(layer.pre_feedforward_layernorm(hidden)))
    return hidden + fed


def _turned(heads: Tensor, angles: tuple[Tensor, Tensor]) -> Tensor:
    """Heads [rows, heads, width, size] at their rotary positions, the second half of a head as the first."""
    import torch

    cos, sin = angles
    first, second = heads.chunk(2, dim=-1)
    return heads * cos + torch.cat((-second, first), dim=-1) * sin


def _compressed(hidden: Tensor, lengths: Tensor, reading: LightReading) -> tuple[Tensor, Tensor]:
    """Rows [rows, width, size] with every ``ratio`` tokens of their passages averaged, and their new lengths [rows]."""
    import torch

    rows, _, size = hidden.shape
    before, after, ratio = reading.before, reading.after, reading.ratio
    own = (lengths - before - after).clamp(min=0)
    kept = (own + ratio - 1) // ratio
    most = int(kept.max())
    passage = torch.nn.functional.pad(hidden[:, before:], (0, 0, 0, ratio))[:, : most * ratio]
    inside = torch.arange(most * ratio, device=hidden.device)[None] < own[:, None]
    sums = passage.masked_fill(~inside[..., None], 0.0).view(rows, most, ratio, size).sum(2)
    counts = inside.view(rows, most, ratio, 1).sum(2).clamp(min=1)
    short = hidden.new_zeros(rows, before + most + after, size)
    short[:, :before] = hidden[:, :before]
    short[:, before : before + most] = sums / counts
    row = torch.arange(rows, device=hidden.device)[:, None]
    tail = torch.arange(after, device=hidden.device)[None]
    short[row, (before + kept)[:, None] + tail] = hidden[row, (lengths - after)[:, None] + tail]
    return short, before + kept + after


def lightweight_scorer(source: Source, raw: dict[str, Any], options: TransformersOptions) -> LightweightScorer:
    """Load a Gemma 2 with its head.

    Args:
        source: The model's files.
        raw: What its config.json holds.
        options: The backend's options.

    Raises:
        BackendError: The model cannot be loaded.
        ConfigError: The checkpoint lacks the head, or the options ask for another attention or an exported network.
    """
    import torch
    from transformers import Gemma2Config

    check_torch(source.model, options)
    if options.attn_implementation or options.device_map:
        raise ConfigError(
            f"The model {source.model!r} is read layer by layer, on one device and by torch's own attention.",
            hint="Leave out attn_implementation and device_map; a smaller dtype or quantization saves memory.",
        )
    config = Gemma2Config.from_dict({key: value for key, value in raw.items() if key not in _OTHER})
    with expecting(_HEAD):
        network: Any = load_network(source, options, "Gemma2Model", config=config)
    weight = dict(stored_tensors(Path(source.path), f"{_HEAD}0.")).get(f"{_HEAD}0.linear_head.weight")
    if weight is None or weight.shape != (1, config.hidden_size):
        raise ConfigError(
            f"The checkpoint of {source.model!r} has no head of one output.",
            hint="This method is for bge-reranker-v2.5-gemma2-lightweight.",
        )
    head = torch.nn.Linear(config.hidden_size, 1, bias=False)
    head.load_state_dict({"weight": weight})
    head.to(network.device, network.norm.weight.dtype).eval()
    layers = config.num_hidden_layers
    cuts = range(raw.get("start_layer", layers), layers + 1, raw.get("layer_sep", 1))
    tokens = Tokens(source.tokenizer(), source.model, parse_control_tokens=options.parse_control_tokens)
    return LightweightScorer(network, head, cuts, tokens, options)
