"""Texts of a batch as rows of one width, with padding behind them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def padded(texts: Collection[Sequence[int]], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids, and what of them is no padding.

    Args:
        texts: The token ids of each text; at least one text.
        device: Where the network is.

    Returns:
        The ids, 0 where a row is padded, and the mask, True where a token is: [texts, width] both.
    """
    import torch

    width = max(map(len, texts))
    ids = torch.tensor([[*text, *[0] * (width - len(text))] for text in texts], device=device)
    lengths = torch.tensor([[len(text)] for text in texts], device=device)
    return ids, torch.arange(width, device=device)[None] < lengths
