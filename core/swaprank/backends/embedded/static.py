"""wordllama's packaged static token embeddings, read with numpy alone.

The package's own loader is not used: importing it calls ``logging.basicConfig``, and it looks for its
packaged tokenizer in a folder of another name and then tries to download it. Protocol: token vectors
averaged over the whole text, no special tokens (wordllama 0.2 to 0.4, MIT, https://github.com/dleemiller/WordLlama).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import MissingTableError
from .pieces import FIRST_PIECE, Pieces, Tokens

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

_WEIGHTS = "weights/l2_supercat_256.safetensors"
_TOKENIZER = "tokenizers/l2_supercat_tokenizer_config.json"


class StaticEmbeddings:
    """A token embedding table [vocabulary, dimensions] and its vocabulary."""

    def __init__(self) -> None:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        folder = _package_folder()
        self.vectors: NDArray[np.float32] = load_file(str(folder / _WEIGHTS))["embedding.weight"].astype(np.float32)
        tokenizer: Tokenizer = Tokenizer.from_file(str(folder / _TOKENIZER))
        self._space = tokenizer.token_to_id("▁")
        self._pieces = Pieces(tokenizer)

    def tokens(self, texts: Sequence[str]) -> Iterator[Tokens]:
        """The tokens of each text, without special tokens."""
        return self._pieces.tokens(texts)

    def pooled(self, ids: NDArray[np.int32]) -> NDArray[np.float32]:
        """The mean vector [dimensions] of some tokens; zeros for none."""
        if not len(ids):
            return np.zeros(self.vectors.shape[1], dtype=np.float32)
        mean: NDArray[np.float32] = self.vectors[ids].mean(axis=0)
        return mean

    def piece_ranks(self, words: Sequence[str]) -> list[list[int]]:
        """For each word the frequency ranks (from 1) of its pieces, byte tokens counting as rank 1."""
        return [
            [max(identity - FIRST_PIECE + 1, 1) for identity in tokens.ids.tolist() if identity != self._space]
            for tokens in self.tokens(words)
        ]


def _package_folder() -> Path:
    found = importlib.util.find_spec("wordllama")
    if found is None or found.origin is None:
        raise MissingTableError(
            "The static embeddings come with the package 'wordllama', which is not installed.",
            hint="Install it with: pip install wordllama==0.2.2.post0 (one wheel for every platform).",
        )
    return Path(found.origin).parent
