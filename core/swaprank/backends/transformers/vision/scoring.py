"""Vision-language models with a head that scores a prompt by its last token (jina-reranker-m0)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....errors import ConfigError, SwaprankError
from ....requests import PromptScore
from ..._checkpoints.limits import positions
from ..._tokens.image_tokens import VisionTokens, vision_tokens
from ..._tokens.tokens import Encoded
from ..loading.networks import load_network
from ..loading.report import expecting
from ..loading.tensors import stored_tensors
from ..prompt_scorer import Prompt, PromptScorer, read_logits
from .language import network_ends
from .network import VisionNetwork

if TYPE_CHECKING:
    import torch

    from ..._checkpoints.source import Source
    from ..options import TransformersOptions

# The head's layers in the checkpoint: linear, ReLU, linear.
_HEAD = "score."


class VisionPromptScorer(PromptScorer[None]):
    """A vision-language model whose head stands in place of the one for words.

    Args:
        network: The network.
        tokens: Its tokenizer.
        context: Most tokens the network has positions for; None for no limit.
        batch_tokens: Most tokens of a forward pass.
    """

    def __init__(self, network: VisionNetwork, tokens: VisionTokens, *, context: int | None, batch_tokens: int) -> None:
        super().__init__(tokens, context)
        self._network = network
        self._tokens = tokens
        self._batch_tokens = batch_tokens

    def _reading(self, request: PromptScore) -> None:
        if request.end is None or request.layer is not None or request.compression is not None:
            raise ConfigError(
                f"The model {self._model!r} has one head, which reads a token of its own behind the prompt.",
                hint="It is for method: jina-reranker-m0.",
            )

    def _logits(self, prompts: Sequence[Prompt], reading: None) -> list[float]:
        return read_logits(self._network, prompts, self._batch_tokens)

    def _read(
        self, requests: Sequence[PromptScore], readings: Sequence[None]
    ) -> tuple[list[Encoded | SwaprankError], dict[None, dict[Prompt, float]]]:
        try:
            return super()._read(requests, readings)
        finally:
            self._tokens.forget()


def vision_prompt_scorer(source: Source, options: TransformersOptions) -> VisionPromptScorer:
    """Load a network with the head that its checkpoint holds.

    Raises:
        BackendError: The model cannot be loaded.
        ConfigError: The checkpoint holds no head of two linear layers.
    """
    with expecting(_HEAD, "lm_head."):
        network: Any = load_network(source, options, "AutoModelForImageTextToText", unused="lm_head.")
    network.lm_head = _head(dict(stored_tensors(Path(source.path), _HEAD)), source.model).to(
        network.device, network.dtype
    )
    tokens = vision_tokens(source, ends=network_ends(network), parse_control_tokens=options.parse_control_tokens)
    return VisionPromptScorer(
        VisionNetwork(network, tokens, source.model),
        tokens,
        context=options.max_model_len or positions(network.config),
        batch_tokens=options.batch_tokens,
    )


def _head(tensors: Mapping[str, torch.Tensor], model: str) -> torch.nn.Module:
    import torch

    try:
        layers = []
        for place in (0, 2):
            weight, bias = tensors[f"{_HEAD}{place}.weight"], tensors[f"{_HEAD}{place}.bias"]
            layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
            layer.load_state_dict({"weight": weight, "bias": bias})
            layers.append(layer)
    except KeyError as error:
        raise ConfigError(
            f"The checkpoint of {model!r} has no {error}: it has no head that scores prompts.",
            hint="This method is for jina-reranker-m0.",
        ) from error
    return torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1]).eval()
