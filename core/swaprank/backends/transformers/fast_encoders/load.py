"""Whether a network has a fast forward pass, and that pass, checked against the network's own."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from . import bert, deberta, modernbert
from .linear import Linear
from .packing import Packed, pack

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)


class FastEncoder(Protocol):
    """A network without its head."""

    @property
    def linears(self) -> list[Linear]:
        """What holds the weights."""

    def __call__(self, packed: Packed) -> torch.Tensor:
        """The last hidden states [tokens, size], or [texts, size] of the first tokens."""


Make = Callable[..., FastEncoder]
WhyNot = Callable[[Any], str | None]

# By the class of the network.
_KNOWN: dict[str, tuple[Make, WhyNot]] = {
    **dict.fromkeys(
        ("BertModel", "RobertaModel", "XLMRobertaModel", "CamembertModel", "DistilBertModel"),
        (bert.BertEncoder, bert.why_not),
    ),
    "ModernBertModel": (modernbert.ModernBertEncoder, modernbert.why_not),
    "DebertaV2Model": (deberta.DebertaEncoder, deberta.why_not),
}
# Tokens of the texts that the two passes are compared on.
_LENGTHS = (160, 40, 39, 7, 2)
# How far they may be apart, as a share of the length of the vectors.
_APART = {4: 1e-4, 2: 5e-2}


def fast_encoder(network: Any, model: str, *, first_only: bool) -> FastEncoder | None:
    """The fast forward pass of a network, which takes its weights over; None where it must run its own.

    Args:
        network: transformers' network without its head.
        model: Name of the model in log lines.
        first_only: Whether only the first token of each text is read.
    """
    import torch

    reason = why_not(network)
    if reason is not None:
        logger.debug("The model %r is run by transformers' own forward pass: %s.", model, reason)
        return None
    make, _ = _KNOWN[type(network).__name__]
    with torch.inference_mode():
        packed, expected = _compared(network, first_only=first_only)
        encoder = make(network, first_only=first_only)
        found = encoder(packed)
        found = found if first_only else torch.cat(packed.split(found))
        apart = float((found.float() - expected).norm() / expected.norm())
    if not apart <= _APART[found.dtype.itemsize]:
        for linear in encoder.linears:
            linear.restore()
        logger.warning(
            "The model %r is run by transformers' own forward pass: the fast one differs by %.2g.", model, apart
        )
        return None
    return encoder


def why_not(network: Any) -> str | None:
    """What keeps a network from the fast pass; None if nothing does."""
    import torch

    kind = type(network)
    if kind.__name__ not in _KNOWN or not kind.__module__.startswith("transformers.models."):
        return f"{kind.__name__} is not known"
    for parameter in network.parameters():
        if parameter.device.type != "cpu" or parameter.dtype not in (torch.float32, torch.bfloat16):
            return f"it has weights of {parameter.dtype} on {parameter.device}"
    if len({parameter.dtype for parameter in network.parameters()}) > 1:
        return "its weights are of several dtypes"
    for name, module in network.named_modules():
        if module._forward_hooks or module._forward_pre_hooks or "forward" in vars(module):
            return f"{name or 'it'} has hooks"
        if isinstance(module, torch.nn.Linear) and type(module) is not torch.nn.Linear:
            return f"{name} is a {type(module).__name__}"
        if not type(module).__module__.startswith(("transformers.", "torch.nn.")):
            return f"{name} is a {type(module).__name__} of {type(module).__module__}"
    return _KNOWN[kind.__name__][1](network)


def _compared(network: Any, *, first_only: bool) -> tuple[Packed, torch.Tensor]:
    """Some texts, and what the network's own pass makes of them: the vectors of all tokens, or of the first ones."""
    import torch

    config = network.config
    most = getattr(config, "max_position_embeddings", _LENGTHS[0])
    lengths = [min(length, max(2, most // 2)) for length in _LENGTHS]
    random = torch.Generator().manual_seed(0)

    def drawn(below: int) -> list[list[int]]:
        return [torch.randint(below, (length,), generator=random).tolist() for length in lengths]

    inputs = {"input_ids": drawn(config.vocab_size), "attention_mask": [[1] * length for length in lengths]}
    types = getattr(config, "type_vocab_size", 0)
    if types:
        inputs["token_type_ids"] = drawn(types)
    padded = {
        key: torch.tensor([[*row, *[0] * (max(lengths) - len(row))] for row in rows]) for key, rows in inputs.items()
    }
    hidden = network(**padded).last_hidden_state
    expected = hidden[:, 0] if first_only else hidden[padded["attention_mask"].bool()]
    return pack(inputs["input_ids"], inputs.get("token_type_ids")), expected.float()
