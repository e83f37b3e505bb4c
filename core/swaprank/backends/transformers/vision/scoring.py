"""Vision-language models with a head that scores a prompt by its last token (jina-reranker-m0)."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....errors import ConfigError, ImageError, PromptTooLongError, SwaprankError
from ....requests import PairScored, PromptScore, Response, Usage
from ....scores.activation import sigmoid
from ..._checkpoints.limits import positions
from ..._tokens.image_tokens import VisionTokens, vision_tokens
from ..._tokens.rendering import Rendering
from ..._tokens.tokens import Encoded
from ..loading.networks import load_network
from ..loading.report import expecting
from ..loading.tensors import stored_tensors
from .language import network_ends
from .network import VisionNetwork, VisionSession

if TYPE_CHECKING:
    import torch

    from ..._checkpoints.source import Source
    from ..options import TransformersOptions

# The head's layers in the checkpoint: linear, ReLU, linear.
_HEAD = "score."


class PromptScorer:
    """A loaded network behind a lock.

    Args:
        network: The network, whose head stands in place of the one for words.
        tokens: Its tokenizer.
        context: Most tokens the network has positions for; None for no limit.
        batch_tokens: Most tokens of a forward pass.
    """

    def __init__(self, network: VisionNetwork, tokens: VisionTokens, *, context: int | None, batch_tokens: int) -> None:
        self._network = network
        self._tokens = tokens
        self._rendering = Rendering(tokens, tokens.model, context)
        self._batch_tokens = batch_tokens
        self._lock = threading.Lock()

    def run(self, requests: Sequence[PromptScore]) -> list[Response | SwaprankError]:
        """Answer all requests, in order; equal prompts once."""
        import torch

        with self._lock, torch.inference_mode():
            try:
                encoded = [self._encoded(request) for request in requests]
                prompts = list(dict.fromkeys(tuple(one.ids) for one in encoded if isinstance(one, Encoded)))
                found: dict[tuple[int, ...], float] = {}

                def use(places: list[int], session: VisionSession) -> None:
                    found.update(zip([prompts[place] for place in places], session.logits[:, 0].tolist(), strict=True))

                self._network.score(prompts, [()] * len(prompts), self._batch_tokens, use)
            finally:
                self._tokens.forget()
        return [
            PairScored(found[ids := tuple(one.ids)], "sigmoid", sigmoid(found[ids]), Usage(len(ids), 0, one.cut))
            if isinstance(one, Encoded)
            else one
            for one in encoded
        ]

    def _encoded(self, request: PromptScore) -> Encoded | SwaprankError:
        if request.end is None or request.layer is not None:
            raise ConfigError(
                f"The model {self._tokens.model!r} has one head, which reads a token of its own behind the prompt.",
                hint="It is for method: jina-reranker-m0.",
            )
        try:
            found = self._rendering.prompt(request.prompt, self._rendering.limit(request.max_length, 1))
        except (PromptTooLongError, ImageError) as error:
            return error
        return Encoded([*found.ids, request.end], found.cut)


def vision_prompt_scorer(source: Source, options: TransformersOptions) -> PromptScorer:
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
    return PromptScorer(
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
