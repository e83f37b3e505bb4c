"""What a T5's decoder attends to while it writes (LiT5-Score): cross-attention, weighted by the norm of the values."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ....errors import ConfigError
from ....prompt import Span
from ....requests import Attended, AttendFused, Usage
from ..padding import padded
from ..seq2seq import Decoder
from .fused import FusedModel, Read

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

# T5's name of the cross-attention of a decoder's block.
_CROSS_ATTENTION = "EncDecAttention"


class FusedAttention(FusedModel[AttendFused]):
    """Measures attention while a text is written (`AttendFused`)."""

    def _answers(
        self,
        requests: Sequence[AttendFused],
        read: Sequence[Sequence[Read]],
        states: torch.Tensor,
        mask: torch.Tensor,
    ) -> list[Attended]:
        most = [request.max_tokens for request in requests]
        written = greedy(self._decoder(states, mask), most, self._tokens.ends)
        texts = [[self._start, *row] for row in written]
        weights = received(self._network, states, mask, texts, self._tokens.model).cpu().numpy()
        answers = []
        for request, prompts, row, text in zip(requests, read, weights, texts, strict=True):
            opening = len(self._tokens.encode(Span((request.opening,))).ids)
            # Equal prompts receive the same: they differ by rounding alone.
            parts: dict[tuple[int, ...], NDArray[np.float32]] = {}
            end = 0
            for ids, _ in prompts:
                start, end = end, end + len(ids)
                parts.setdefault(ids, row[start:end][opening:])
            usage = Usage(end, len(text), cut=sum(cut for _, cut in prompts))
            answers.append(Attended((tuple(parts[ids] for ids, _ in prompts),), usage))
        return answers


def greedy(decoder: Decoder, most: Sequence[int], ends: Collection[int]) -> list[list[int]]:
    """What is written in each row, as far as the decoder reads it: without the token that ends it.

    Args:
        decoder: The rows.
        most: Most tokens to write in each row, the last of which is not read.
        ends: Tokens that end a text.
    """
    import torch

    written: list[list[int]] = [[] for _ in most]
    live = list(range(len(most)))
    while True:
        chosen = decoder.logits.argmax(-1)
        going = []
        for row, (place, token) in enumerate(zip(live, chosen.tolist(), strict=True)):
            if token not in ends and len(written[place]) + 1 < most[place]:
                written[place].append(token)
                going.append(row)
        if not going:
            return written
        live = [live[row] for row in going]
        kept = torch.tensor(going, device=chosen.device)
        decoder.advance(chosen[kept], kept)


def received(
    network: Any, states: torch.Tensor, mask: torch.Tensor, written: Sequence[Sequence[int]], model: str
) -> torch.Tensor:
    """What each encoded token receives while a text is written.

    Attention is computed here from what each block is given: transformers would hold that of all blocks at once.

    Args:
        network: The encoder-decoder.
        states: What the encoder made of the texts [rows, tokens, dimensions].
        mask: 1 where a token is, 0 where a row is padded [rows, tokens].
        written: What the decoder reads in each row, its start token first.
        model: Name of the model in messages.

    Returns:
        The attention probability times the norm of the token's value vector, mean over the heads, sum over the
        layers and over what is written [rows, tokens].

    Raises:
        ConfigError: The network has no cross-attention of T5's kind.
    """
    import torch

    decoder = network.get_decoder()
    layers = [module for name, module in decoder.named_modules() if name.endswith(_CROSS_ATTENTION)]
    if not layers:
        raise ConfigError(f"The decoder of {model!r} is not a T5's.", hint="Give a LiT5-Score model, or another T5.")
    ids, real = padded(written, states.device)
    total = torch.zeros(mask.shape, device=states.device)

    def measure(layer: Any, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        hidden = arguments[0] if arguments else named["hidden_states"]
        asked, keys, values = (
            part.view(*part.shape[:2], -1, layer.key_value_proj_dim).transpose(1, 2)
            for part in (layer.q(hidden), layer.k(states), layer.v(states))
        )
        logits = (asked @ keys.mT).float().masked_fill(mask[:, None, None] == 0, float("-inf"))
        steps = (logits.softmax(-1) * real[:, None, :, None]).sum(2)
        total.add_((steps * values.float().norm(dim=-1)).mean(1))

    hooks = [layer.register_forward_pre_hook(measure, with_kwargs=True) for layer in layers]
    try:
        decoder(input_ids=ids, encoder_hidden_states=states, encoder_attention_mask=mask, use_cache=False)
    finally:
        for hook in hooks:
            hook.remove()
    return total
