"""Llama with attention in both directions and a head on the pooled tokens (NVIDIA's Nemotron rerankers).

The network and its weights are Llama's; only the mask, the pooling and a temperature differ, so that the model's own
remote code is not needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError
from ...requests import PromptScore
from .._checkpoints.limits import positions
from .._common.token_batches import in_batches
from .._tokens.tokens import Tokens
from .loading.networks import check_torch, load_network
from .padding import padded
from .prompt_scorer import Prompt, PromptScorer

if TYPE_CHECKING:
    import torch

    from .._checkpoints.source import Source
    from .options import TransformersOptions

MODEL_TYPE = "llama_bidirec"
# What Llama's config must not be told: the rest is Llama's own.
_OTHER = frozenset({"model_type", "architectures", "auto_map", "pooling", "temperature", "transformers_version"})
_POOLINGS = ("avg", "cls", "last")


class BidirectionalScorer(PromptScorer[None]):
    """A Llama whose head reads the pooled tokens.

    Args:
        network: A Llama for sequence classification whose attention looks in both directions.
        tokens: Its tokenizer.
        pooling: ``"avg"`` over all tokens, or the first (``"cls"``) or ``"last"`` one.
        temperature: What the head's output is divided by.
        options: The backend's options.
    """

    def __init__(
        self, network: Any, tokens: Tokens, options: TransformersOptions, *, pooling: str, temperature: float
    ) -> None:
        super().__init__(tokens, options.max_model_len or positions(network.config))
        self._network = network
        self._batch_tokens = options.batch_tokens
        self._pooling = pooling
        self._temperature = temperature

    def _reading(self, request: PromptScore) -> None:
        if (request.end, request.layer, request.compression) != (None, None, None):
            raise ConfigError(
                f"The model {self._model!r} has one head, on the tokens of the prompt alone.",
                hint="It is for method: nemotron-rerank.",
            )

    def _logits(self, prompts: Sequence[Prompt], reading: None) -> list[float]:
        logits = [0.0] * len(prompts)

        def forward(places: list[int]) -> None:
            for place, logit in zip(places, self._forward([prompts[place] for place in places]), strict=True):
                logits[place] = logit

        in_batches([len(prompt) for prompt in prompts], self._batch_tokens, forward)
        return logits

    def _forward(self, prompts: Sequence[Prompt]) -> list[float]:
        ids, mask = padded(prompts, self._network.device)
        states = self._network.model(input_ids=ids, attention_mask=mask.long(), use_cache=False).last_hidden_state
        pooled = self._pooled(states, mask, mask.sum(1))
        logits: list[float] = (self._network.score(pooled)[:, 0].float() / self._temperature).tolist()
        return logits

    def _pooled(self, states: torch.Tensor, mask: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """One vector per prompt, [rows, dimensions]; padding is behind the prompts."""
        import torch

        if self._pooling == "cls":
            return states[:, 0]
        if self._pooling == "last":
            return states[torch.arange(len(states), device=states.device), lengths - 1]
        return states.masked_fill(~mask[..., None], 0.0).sum(dim=1) / lengths[:, None]


def bidirectional_scorer(source: Source, raw: dict[str, Any], options: TransformersOptions) -> BidirectionalScorer:
    """Load a bidirectional Llama with its head.

    Args:
        source: The model's files.
        raw: What its config.json holds.
        options: The backend's options.

    Raises:
        BackendError: The model cannot be loaded.
        ConfigError: It has no trained head of one output, another pooling, or is an exported network.
    """
    from transformers import LlamaConfig

    check_torch(source.model, options)
    pooling = raw.get("pooling", "avg")
    if pooling not in _POOLINGS:
        raise ConfigError(f"The model {source.model!r} has the pooling {pooling!r}; known are {', '.join(_POOLINGS)}.")
    config = LlamaConfig.from_dict({key: value for key, value in raw.items() if key not in _OTHER})
    if config.num_labels != 1:
        raise ConfigError(f"The head of {source.model!r} has {config.num_labels} outputs, where a reranker has one.")
    network: Any = load_network(source, options, "LlamaForSequenceClassification", config=config)
    network.model.config.is_causal = False
    for layer in network.model.layers:
        layer.self_attn.is_causal = False
    tokens = Tokens(source.tokenizer(), source.model, parse_control_tokens=options.parse_control_tokens)
    return BidirectionalScorer(
        network, tokens, options, pooling=pooling, temperature=float(raw.get("temperature", 1.0))
    )
