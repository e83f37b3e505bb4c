"""What Fusion-in-Decoder begins with: each passage's prompt, cut at its end and encoded alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ....prompt import Text
from ..._common.token_batches import in_batches
from ..._tokens.slots import slots
from ..._tokens.tokens import Tokens
from ..padding import padded

if TYPE_CHECKING:
    import torch


def encoded_prompt(tokens: Tokens, prompt: Text, limit: int) -> tuple[tuple[int, ...], bool]:
    """The ids of a prompt, cut at its end, and whether anything of it was cut."""
    bounded = tokens.bounded(prompt, limit)
    shown = tokens.cut(bounded)
    ids = tokens.encode(shown).ids
    cut = any(one.text != other.text for one, other in zip(slots(prompt), slots(shown), strict=True))
    if len(ids) <= limit:
        return tuple(ids), cut
    end = ids[-1:] if ids[-1] == tokens.tokenizer.eos_token_id else []
    return (*ids[: limit - len(end)], *end), True


def encodings(
    network: Any, wanted: Mapping[tuple[int, ...], int], batch_tokens: int
) -> dict[tuple[int, ...], torch.Tensor]:
    """The encoder's output for prompts.

    Args:
        network: The encoder-decoder.
        wanted: By the ids of a prompt, the encodings of how many of its first tokens are wanted.
        batch_tokens: Most tokens of a forward pass.

    Returns:
        By the ids of a prompt, its encodings [tokens, dimensions].
    """
    prompts = list(wanted)
    found: dict[tuple[int, ...], torch.Tensor] = {}

    def forward(batch: list[int]) -> None:
        own = [prompts[place] for place in batch]
        ids, mask = padded(own, network.device)
        states = network.get_encoder()(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        # Copies, so that the encodings of whole texts are not held.
        found.update((prompt, row[: wanted[prompt]].clone()) for prompt, row in zip(own, states, strict=True))

    in_batches([len(prompt) for prompt in prompts], batch_tokens, forward)
    return found
