"""What cross-encoders and sentence encoders compute, by the fast forward pass of their networks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .heads import HEADS, Head, reads_mean
from .load import FastEncoder, fast_encoder, why_not
from .packing import pack

if TYPE_CHECKING:
    import torch
    from sentence_transformers import CrossEncoder, SentenceTransformer
    from transformers import BatchEncoding

logger = logging.getLogger(__name__)

Encoding = dict[str, list[int]]
# Modules of sentence-transformers after the network, which read the tokens' vectors or what was made of them.
_AFTER = {"Pooling", "Dense", "Normalize", "LayerNorm"}
# Texts whose vectors are compared: tokenising is part of what must agree.
_TEXTS = ["How is green tea made?", "  Two blanks, and CAPITALS", "x", "The leaves are steamed, rolled and dried. " * 9]
# How far results in 16 bits may be apart, as a share of their length. Rounding moves a score, which is one number, more
# than it moves a vector; the vectors that it is read from were compared before.
_APART = {"sentence_embedding": 5e-2, "scores": 0.25}


class PairForward:
    """Logits of encoded pairs by a classification head."""

    def __init__(self, network: Any, encoder: FastEncoder, head: Head) -> None:
        self._network = network
        self._encoder = encoder
        self._head = head
        self._mean = reads_mean(network)

    def __call__(self, pairs: Sequence[Encoding]) -> torch.Tensor:
        """[pairs, labels]; pairs of similar length should be neighbours."""
        import torch

        packed = _packed(pairs)
        hidden = self._encoder(packed)
        if self._mean:
            hidden = torch.stack([tokens.float().mean(0).to(tokens.dtype) for tokens in packed.split(hidden)])
        return self._head(self._network, hidden[:, None])


class ChainForward:
    """What the modules of sentence-transformers behind a network make of encoded texts or pairs.

    Args:
        loaded: The chain; its first module is the network.
        encoder: The fast forward pass of the network.
        result: The feature that is read: ``sentence_embedding`` or ``scores``.
        first_only: Whether only the first token of each text is read.
    """

    def __init__(
        self, loaded: SentenceTransformer | CrossEncoder, encoder: FastEncoder, result: str, *, first_only: bool
    ) -> None:
        self._after = [module for place, module in enumerate(loaded) if place]
        self._encoder = encoder
        self._result = result
        self._first_only = first_only

    def __call__(self, texts: Sequence[Encoding]) -> torch.Tensor:
        """[texts, size] or [pairs, labels]; texts of similar length should be neighbours."""
        import torch

        packed = _packed(texts)
        hidden = self._encoder(packed)
        features: dict[str, Any]
        if self._first_only:
            features = {"token_embeddings": hidden[:, None], "attention_mask": torch.ones(len(texts), 1).long()}
        else:
            vectors, mask = packed.padded(hidden)
            features = {"token_embeddings": vectors, "attention_mask": mask}
        for module in self._after:
            features = module(features)
        found: torch.Tensor = features[self._result]
        return found.float()


def pair_forward(network: Any, model: str) -> PairForward | None:
    """The fast forward pass of a cross-encoder; None where it must run its own.

    Args:
        network: transformers' network with its head.
        model: Name of the model in log lines.
    """
    head = HEADS.get(type(network).__name__)
    if head is None:
        logger.debug("The model %r is run by its own forward pass: %s.", model, type(network).__name__)
        return None
    encoder = fast_encoder(network.base_model, model, first_only=not reads_mean(network))
    return None if encoder is None else PairForward(network, encoder, head)


def pair_chain_forward(loaded: CrossEncoder, model: str) -> ChainForward | None:
    """The fast forward pass of a cross-encoder whose score further modules compute; None where it must run its own."""

    def own(encoded: BatchEncoding) -> torch.Tensor:
        features = loaded.tokenizer.pad(encoded, return_tensors="pt").to(loaded.device)
        scores: torch.Tensor = loaded(dict(features))["scores"]
        return scores

    return _chain_forward(loaded, model, "scores", own, _TEXTS[::-1])


def text_forward(loaded: SentenceTransformer, model: str) -> ChainForward | None:
    """The fast forward pass of a sentence encoder; None where it must run its own."""

    def own(_: BatchEncoding) -> torch.Tensor:
        return loaded.encode(_TEXTS, convert_to_tensor=True, show_progress_bar=False)

    return _chain_forward(loaded, model, "sentence_embedding", own)


def _chain_forward(
    loaded: SentenceTransformer | CrossEncoder,
    model: str,
    result: str,
    own: Callable[[BatchEncoding], torch.Tensor],
    second: list[str] | None = None,
) -> ChainForward | None:
    """The fast forward pass of a chain, compared with its own.

    Args:
        loaded: The chain.
        model: Name of the model in log lines.
        result: The feature that is read.
        own: What the chain itself makes of the texts.
        second: The second texts of pairs.
    """
    network: Any = getattr(loaded[0], "model", None)
    reason = _why_not(loaded) or why_not(network)
    if reason is not None:
        logger.debug("The model %r is run by its own forward pass: %s.", model, reason)
        return None
    import torch

    first_only = getattr(loaded[1], "pooling_mode", None) == "cls"
    limit = loaded.max_seq_length
    encoded = loaded.tokenizer(_TEXTS, second, truncation=limit is not None, max_length=limit)
    with torch.inference_mode():
        expected = own(encoded).float()
    encoder = fast_encoder(network, model, first_only=first_only)
    if encoder is None:
        return None
    forward = ChainForward(loaded, encoder, result, first_only=first_only)
    with torch.inference_mode():
        found = forward([{key: rows[place] for key, rows in encoded.items()} for place in range(len(_TEXTS))])
    apart = float((found - expected).norm() / expected.norm())
    if not apart <= (1e-4 if network.dtype is torch.float32 else _APART[result]):
        for linear in encoder.linears:
            linear.restore()
        logger.warning("The model %r is run by its own forward pass: the fast one differs by %.2g.", model, apart)
        return None
    return forward


def _why_not(loaded: SentenceTransformer | CrossEncoder) -> str | None:
    """What of its modules and settings is not known here; None if all is."""
    names = [type(module).__name__ for module in loaded]
    if names[:2] != ["Transformer", "Pooling"] or not _AFTER.issuperset(names[1:]):
        return f"its modules are {', '.join(names)}"
    if any(not type(module).__module__.startswith("sentence_transformers.") for module in loaded):
        return "it brings modules of its own"
    first: Any = loaded[0]
    pooling: Any = loaded[1]
    read = {getattr(module, "module_input_name", "sentence_embedding") for module in list(loaded)[2:]}
    if read - {"sentence_embedding"}:
        return f"its modules read {', '.join(sorted(read))}"
    if not getattr(first.tokenizer, "is_fast", False):
        return "its tokenizer is a slow one"
    if not pooling.include_prompt or getattr(loaded, "truncate_dim", None) is not None:
        return "its vectors leave something out"
    asked = [name for name in ("query_length", "document_length", "query_expansion") if getattr(first, name, None)]
    return f"it sets {', '.join(asked)}" if asked else None


def _packed(texts: Sequence[Encoding]) -> Any:
    types = [text["token_type_ids"] for text in texts] if "token_type_ids" in texts[0] else None
    return pack([text["input_ids"] for text in texts], types)
