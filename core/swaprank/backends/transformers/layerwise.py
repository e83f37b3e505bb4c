"""Decoders with a head on every layer, so that the layers behind the one that is asked for need not be computed.

MiniCPM is Llama's network with two things scaled: the embeddings, and what each half of a layer adds to the stream.
Both factors are multiplied into the weights once, and Llama's own forward does the rest.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError
from ...requests import PromptScore
from .._checkpoints.limits import positions
from .._tokens.tokens import Tokens
from .causal import CausalNetwork
from .loading.networks import check_torch, load_network
from .loading.report import expecting
from .loading.tensors import stored_tensors
from .prompt_scorer import Prompt, PromptScorer, read_logits

if TYPE_CHECKING:
    import torch

    from .._checkpoints.source import Source
    from .options import TransformersOptions

_HEAD = "lm_head."
# What the config of MiniCPM has in common with Llama's.
_SHARED = (
    "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
    "num_key_value_heads", "hidden_act", "max_position_embeddings", "rms_norm_eps", "rope_theta", "rope_scaling",
    "attention_bias", "bos_token_id", "eos_token_id", "pad_token_id",
)  # fmt: skip


class LayerwiseScorer(PromptScorer[int]):
    """A decoder with a head on each of its last layers.

    Args:
        network: The network without a head.
        heads: The head of each layer that has one, by how many layers have been computed.
        tokens: The model's tokenizer.
        options: The backend's options.
    """

    def __init__(
        self, network: Any, heads: dict[int, torch.nn.Module], tokens: Tokens, options: TransformersOptions
    ) -> None:
        super().__init__(tokens, options.max_model_len or positions(network.config))
        self._network = network
        self._heads = heads
        self._options = options
        self._cut: dict[int, CausalNetwork] = {}

    def _reading(self, request: PromptScore) -> int:
        if request.compression is not None:
            raise ConfigError(
                f"The model {self._model!r} cannot compress tokens.",
                hint="Take method: bge-llm-reranker-layerwise.",
            )
        first, last = min(self._heads), max(self._heads)
        layer = last if request.layer is None else request.layer
        if layer not in self._heads:
            raise ConfigError(
                f"The model {self._model!r} has no head on layer {layer}.",
                hint=f"Set cutoff_layers to a number from {first} to {last}.",
            )
        return layer

    def _logits(self, prompts: Sequence[Prompt], reading: int) -> list[float]:
        return read_logits(self._causal(reading), prompts, self._options.batch_tokens)

    def _causal(self, layer: int) -> CausalNetwork:
        """The network cut off behind a layer; its weights are those of the whole."""
        if layer not in self._cut:
            network = copy.copy(self._network)
            network.config = copy.deepcopy(network.config)
            network.config.num_hidden_layers = layer
            head = self._heads[layer]
            self._cut[layer] = CausalNetwork(network, head=head, prefix_caching=self._options.prefix_caching)
        return self._cut[layer]


def layerwise_scorer(source: Source, raw: dict[str, Any], options: TransformersOptions) -> LayerwiseScorer:
    """Load a MiniCPM with its heads.

    Args:
        source: The model's files.
        raw: What its config.json holds.
        options: The backend's options.

    Raises:
        BackendError: The model cannot be loaded.
        ConfigError: The checkpoint lacks heads, or the options ask for quantization or an exported network.
    """
    import torch
    from transformers import LlamaConfig

    check_torch(source.model, options)
    if options.quantization:
        raise ConfigError(
            f"The model {source.model!r} cannot be quantized: its weights are scaled when it is loaded.",
            hint="Leave out quantization.",
        )
    config = LlamaConfig(**_as_llama(raw))
    with expecting(_HEAD):
        network: Any = load_network(source, options, "LlamaModel", config=config)
    _scale(network, raw.get("scale_emb", 1), raw.get("scale_depth", 1) / math.sqrt(config.num_hidden_layers))
    weights = dict(stored_tensors(Path(source.path), _HEAD))
    heads: dict[int, torch.nn.Module] = {}
    for layer in range(raw.get("start_layer", config.num_hidden_layers), config.num_hidden_layers + 1):
        weight = weights.get(f"{_HEAD}{layer - raw['start_layer']}.linear_head.weight")
        if weight is None or weight.shape != (1, config.hidden_size):
            break
        head = torch.nn.Linear(config.hidden_size, 1, bias=False)
        head.load_state_dict({"weight": weight})
        heads[layer] = head.to(network.device, network.dtype).eval()
    if config.num_hidden_layers not in heads:
        raise ConfigError(
            f"The checkpoint of {source.model!r} has no head of one output on each of its last layers.",
            hint="This method is for bge-reranker-v2-minicpm-layerwise.",
        )
    tokens = Tokens(source.tokenizer(), source.model, parse_control_tokens=options.parse_control_tokens)
    return LayerwiseScorer(network, heads, tokens, options)


def _as_llama(raw: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a Llama's config, in the words that transformers 4 and 5 read.

    transformers 5 saves `rope_theta` and `rope_scaling` as one `rope_parameters`.
    """
    rope = dict(raw.get("rope_parameters") or {})
    written = {**raw, "rope_theta": rope.pop("rope_theta", raw.get("rope_theta"))}
    if rope:
        written["rope_scaling"] = rope
    return {key: written[key] for key in _SHARED if written.get(key) is not None}


def _scale(network: Any, embeddings: float, additions: float) -> None:
    """Multiply MiniCPM's factors into the weights of a Llama."""
    import torch

    with torch.no_grad():
        network.embed_tokens.weight.mul_(embeddings)
        for layer in network.layers:
            for linear in (layer.self_attn.o_proj, layer.mlp.down_proj):
                for parameter in linear.parameters():
                    parameter.mul_(additions)
