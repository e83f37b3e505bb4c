"""Fusion-in-Decoder without generation (MVP): an encoder's view vectors, and the anchors a decoder makes of them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ....requests import Response, Usage, Viewed, Views
from ..._tokens.tokens import Tokens
from .passage_encodings import encoded_prompt, encodings

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from transformers import PreTrainedModel

# Fusion-in-Decoder codes wrap the encoder and each of its blocks, and save the weights under the wrappers' names.
FUSION_IN_DECODER = {
    r"^encoder\.encoder\.block\.(\d+)\.module\.": r"encoder.block.\1.",
    r"^encoder\.encoder\.": "encoder.",
}


class ViewsModel:
    """A loaded encoder-decoder behind a lock.

    The encoder reads the prompts of all requests together, equal ones once; the decoder takes one step per
    request, over that request's passages alone.

    Args:
        network: The network, such as T5ForConditionalGeneration.
        tokens: Its tokenizer.
        batch_tokens: Most tokens of a forward pass of the encoder.
    """

    def __init__(self, network: PreTrainedModel, tokens: Tokens, *, batch_tokens: int) -> None:
        self._network: Any = network
        self._tokens = tokens
        self._batch_tokens = batch_tokens
        self._lock = threading.Lock()

    def run(self, requests: Sequence[Views]) -> list[Response]:
        """Answer all requests, in order."""
        import torch

        with self._lock, torch.inference_mode():
            cuts = [0] * len(requests)
            read: list[list[tuple[int, ...]]] = []
            for place, request in enumerate(requests):
                encoded = [encoded_prompt(self._tokens, prompt, request.max_length) for prompt in request.prompts]
                cuts[place] = sum(cut for _, cut in encoded)
                read.append([ids for ids, _ in encoded])
            wanted = {ids: request.views for request, prompts in zip(requests, read, strict=True) for ids in prompts}
            views = encodings(self._network, wanted, self._batch_tokens)
            return [
                self._viewed([views[ids][: request.views] for ids in prompts], sum(map(len, prompts)), cut)
                for request, prompts, cut in zip(requests, read, cuts, strict=True)
            ]

    def _viewed(self, views: list[torch.Tensor], tokens: int, cut: int) -> Viewed:
        """One decoder step for each view, over that view of all passages; no passage has a position."""
        import torch

        passages = torch.stack(views).transpose(0, 1)
        start = torch.tensor([[self._network.config.decoder_start_token_id]], device=passages.device)
        embedded = self._network.get_input_embeddings()(start).expand(len(passages), 1, -1)
        anchors = self._network.get_decoder()(
            inputs_embeds=embedded, encoder_hidden_states=passages, use_cache=False
        ).last_hidden_state[:, 0]
        return Viewed(_array(passages.transpose(0, 1)), _array(anchors), Usage(input_tokens=tokens, cut=cut))


def _array(tensor: torch.Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.float().cpu().numpy()
    return array
