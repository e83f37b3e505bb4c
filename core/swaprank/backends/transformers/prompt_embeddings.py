"""Decoders that embed: what they have made of a prompt at its last token."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...errors import SwaprankError
from ...requests import Embedded, EmbedPrompt, Response, Usage
from .._tokens.rendering import Rendering
from .._tokens.tokens import Encoded, Tokens
from .causal import CausalNetwork, Scored, Session

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class PromptEncoder:
    """A loaded decoder behind a lock: tokenizers and devices are used by one thread at a time.

    Args:
        causal: The network with its hidden states in place of logits.
        tokens: The model's tokenizer.
        context: Most tokens the network has positions for; None for no limit.
        batch_tokens: Most tokens of a forward pass.
    """

    def __init__(self, causal: CausalNetwork, tokens: Tokens, *, context: int | None, batch_tokens: int) -> None:
        self._causal = causal
        self._rendering = Rendering(tokens, tokens.model, context)
        self._batch_tokens = batch_tokens
        self._lock = threading.Lock()

    def run(self, requests: Sequence[EmbedPrompt]) -> list[Response | SwaprankError]:
        """Answer all requests, in order; prompts that are equal once cut are read once."""
        import torch

        with self._lock, torch.inference_mode():
            encoded = [self._rendering.fitted_or_error(request) for request in requests]
            prompts = list(dict.fromkeys(tuple(one.ids) for one in encoded if isinstance(one, Encoded)))
            vectors: dict[tuple[int, ...], NDArray[np.float32]] = {}

            def use(places: list[int], session: Scored | Session) -> None:
                states = torch.nn.functional.normalize(session.logits, dim=-1).cpu().numpy()
                vectors.update((prompts[place], states[row]) for row, place in enumerate(places))

            self._causal.score(prompts, [()] * len(prompts), self._batch_tokens, use)
        return [
            Embedded(vectors[tuple(one.ids)], usage=Usage(len(one.ids), 0, one.cut))
            if isinstance(one, Encoded)
            else one
            for one in encoded
        ]
