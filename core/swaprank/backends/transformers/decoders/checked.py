"""Which decoders may be read packed: those of a known architecture that give the same logits both ways."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .packed import ARCHITECTURES, PackedDecoder

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    Plain = Callable[[list[int], int, int], torch.Tensor]

logger = logging.getLogger(__name__)

# How far the logits may lie apart, in units of their own spread: rounding, and nothing that a mistake would make. In 16
# bits rounding depends on the network, so it is measured: how far its own forward is apart from itself with padding.
_APART, _APART_16, _TIMES, _PADS = 1e-4, 0.02, 4.0, 7
# Long enough for more than one block of attention.
_COMMON, _RESTS, _READ = 3, (5, 2, 140), 2


def packed_decoder(network: PreTrainedModel, head: torch.nn.Module | None, plain: Plain) -> PackedDecoder | None:
    """The decoder, read packed; None where that is unknown, of no use, or gives other logits.

    Args:
        network: The transformers model.
        head: What reads its hidden states in place of its own head.
        plain: The logits [last tokens, width] by the model's own forward, of a sequence of ids, so many last
            tokens of it, behind so many tokens of padding.
    """
    body: Any = network.base_model
    name = type(network).__name__
    if network.device.type != "cpu" or getattr(network, "hf_device_map", None) is not None:
        return None  # an accelerator would wait for the many small calls of attention
    if getattr(body.config, "model_type", None) not in ARCHITECTURES:
        logger.debug("%s is read by its own forward: its architecture is not known.", name)
        return None
    try:
        packed = PackedDecoder(network, network.lm_head if head is None else head)
        if packed.longest is not None and packed.longest < _COMMON + max(_RESTS):
            return None  # a window so short that not even the check below fits it
        apart, allowed = _apart(packed, body.embed_tokens.num_embeddings, plain)
    except (AttributeError, IndexError, RuntimeError, TypeError, ValueError) as error:
        logger.debug("%s is read by its own forward: %s.", name, error)
        return None
    if not apart <= allowed:
        logger.debug("%s is read by its own forward: packed, its logits are %.2g apart.", name, apart)
        return None
    return packed


def _apart(packed: PackedDecoder, words: int, plain: Plain) -> tuple[float, float]:
    """How far both ways' logits are apart (root mean square over standard deviation), and how far they may be."""
    import torch

    ids = [place * 7919 % words for place in range(1, _COMMON + sum(_RESTS) + 1)]
    common, rows, start = ids[:_COMMON], [], _COMMON
    for length in _RESTS:
        rows.append(ids[start : start + length])
        start += length
    keep = [_READ] * len(rows)
    with torch.inference_mode():
        reference = torch.cat([plain([*common, *row], _READ, 0) for row in rows])
        spread = (reference - reference.mean()).square().mean().sqrt().clamp(min=1e-12)

        def apart(logits: torch.Tensor) -> float:
            return float((logits - reference).square().mean().sqrt() / spread)

        found = max(
            apart(packed.logits(rows, keep, packed.prefix(common))),
            apart(packed.logits([[*common, *row] for row in rows], keep)),
        )
        if reference.isnan().any() or packed.dtype in (torch.float32, torch.float64):
            return found, _APART
        noise = apart(torch.cat([plain([*common, *row], _READ, _PADS) for row in rows]))
        return found, max(_APART_16, _TIMES * noise)
