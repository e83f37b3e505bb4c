"""Where tokens begin: the tokenizer of a model without the model."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...errors import BackendError
from ...requests import Response, Tokenize, Tokenized

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class TokenStarts:
    """A tokenizer behind a lock, for it is used by one thread at a time.

    Args:
        tokenizer: The model's; a fast one, for slow ones do not tell where a token begins.
        model: The model's name in messages.

    Raises:
        BackendError: The tokenizer is a slow one.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, model: str) -> None:
        if not tokenizer.is_fast:
            raise BackendError(f"The tokenizer of {model!r} does not say which characters a token stands for.")
        self._tokenizer = tokenizer
        self._lock = threading.Lock()

    def run(self, requests: Sequence[Tokenize]) -> list[Response]:
        """Answer all requests, in order."""
        if not requests:
            return []
        with self._lock:
            encoded = self._tokenizer(
                [request.text for request in requests],
                add_special_tokens=False,
                return_offsets_mapping=True,
                return_attention_mask=False,
                verbose=False,
            )
        return [Tokenized([start for start, _ in offsets]) for offsets in encoded["offset_mapping"]]
