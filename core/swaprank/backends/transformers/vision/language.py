"""Vision-language models: as language models, with images in their prompts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ....errors import SwaprankError
from ....requests import Request, Response
from ..._checkpoints.limits import end_tokens, positions
from ..._tokens.image_tokens import VisionTokens, vision_tokens
from ..language import LanguageModel
from ..loading.networks import load_network
from .network import VisionNetwork

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from ..._checkpoints.source import Source
    from ..options import TransformersOptions


class VisionLanguageModel(LanguageModel):
    """A language model that reads images.

    Args:
        network: What computes logits.
        tokens: The model's tokenizer.
        model: The model's name in messages.
        context: Most tokens of a prompt and its answer, those of images included; None for no limit.
        batch_tokens: Most tokens of a forward pass.
    """

    def __init__(
        self, network: VisionNetwork, tokens: VisionTokens, model: str, *, context: int | None, batch_tokens: int
    ) -> None:
        super().__init__(network, tokens, model, context=context, batch_tokens=batch_tokens)
        self._images = tokens

    def run(self, requests: Sequence[Request]) -> list[Response | SwaprankError]:
        """Answer all requests, in order; equal ones once, unless they are sampled.

        A prompt with an image that cannot be read has an `ImageError` in place of its response.
        """
        try:
            return super().run(requests)
        finally:
            self._images.forget()


def vision_language_model(source: Source, options: TransformersOptions) -> VisionLanguageModel:
    """Load a model whose config names a vision tower, with its tokenizer and image processor.

    Raises:
        MissingDependencyError: transformers or Pillow is not installed.
        BackendError: The model cannot be loaded.
        ConfigError: It is of a family that is not known here.
    """
    network = load_network(source, options, "AutoModelForImageTextToText")
    tokens = vision_tokens(source, ends=network_ends(network), parse_control_tokens=options.parse_control_tokens)
    return VisionLanguageModel(
        VisionNetwork(network, tokens, source.model),
        tokens,
        source.model,
        context=options.max_model_len or positions(network.config),
        batch_tokens=options.batch_tokens,
    )


def network_ends(network: PreTrainedModel) -> list[int]:
    """Tokens that end an answer, by the generation config and by the config."""
    return end_tokens(*(getattr(own, "eos_token_id", None) for own in (network.generation_config, network.config)))
