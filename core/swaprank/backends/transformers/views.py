"""Fusion-in-Decoder without generation (MVP): an encoder's view vectors, and the anchors a decoder makes of them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...prompt import Text
from ...requests import Response, Usage, Viewed, Views
from .._common.token_batches import in_batches
from .._tokens.slots import slots
from .._tokens.tokens import Tokens

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
        model: Name of the model in messages.
        batch_tokens: Most tokens of a forward pass of the encoder.
    """

    def __init__(self, network: PreTrainedModel, tokens: Tokens, model: str, *, batch_tokens: int) -> None:
        self._network: Any = network
        self._tokens = tokens
        self._model = model
        self._batch_tokens = batch_tokens
        self._lock = threading.Lock()

    def run(self, requests: Sequence[Views]) -> list[Response]:
        """Answer all requests, in order."""
        import torch

        with self._lock, torch.inference_mode():
            cuts = [0] * len(requests)
            read: list[list[tuple[int, ...]]] = []
            for place, request in enumerate(requests):
                encoded = [self._encoded(prompt, request.max_length) for prompt in request.prompts]
                cuts[place] = sum(cut for _, cut in encoded)
                read.append([ids for ids, _ in encoded])
            views = self._encode(
                {ids: request.views for request, prompts in zip(requests, read, strict=True) for ids in prompts}
            )
            return [
                self._viewed([views[ids][: request.views] for ids in prompts], sum(map(len, prompts)), cut)
                for request, prompts, cut in zip(requests, read, cuts, strict=True)
            ]

    def _encoded(self, prompt: Text, limit: int) -> tuple[tuple[int, ...], bool]:
        """The ids of a prompt, cut at its end, and whether anything of it was cut."""
        bounded = self._tokens.bounded(prompt, limit)
        shown = self._tokens.cut(bounded)
        ids = self._tokens.encode(shown).ids
        cut = any(one.text != other.text for one, other in zip(slots(prompt), slots(shown), strict=True))
        if len(ids) <= limit:
            return tuple(ids), cut
        end = ids[-1:] if ids[-1] == self._tokens.tokenizer.eos_token_id else []
        return (*ids[: limit - len(end)], *end), True

    def _encode(self, wanted: dict[tuple[int, ...], int]) -> dict[tuple[int, ...], torch.Tensor]:
        """The first so many encodings of each prompt [views, dimensions]."""
        import torch

        prompts, device = list(wanted), self._network.device
        found: dict[tuple[int, ...], torch.Tensor] = {}

        def forward(batch: list[int]) -> None:
            own = [prompts[place] for place in batch]
            width = max(map(len, own))
            ids = torch.tensor([[*prompt, *[0] * (width - len(prompt))] for prompt in own], device=device)
            lengths = torch.tensor([[len(prompt)] for prompt in own], device=device)
            mask = (torch.arange(width, device=device)[None] < lengths).long()
            states = self._network.get_encoder()(input_ids=ids, attention_mask=mask).last_hidden_state
            # Copies, so that the encodings of whole texts are not held.
            found.update((prompt, row[: wanted[prompt]].clone()) for prompt, row in zip(own, states, strict=True))

        in_batches([len(prompt) for prompt in prompts], self._batch_tokens, forward)
        return found

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
