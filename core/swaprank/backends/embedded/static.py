"""wordllama's packaged static token embeddings, read with numpy alone.

The package's own loader is not used: importing it calls ``logging.basicConfig``, and it looks for its
packaged tokenizer in a folder of another name and then tries to download it. Protocol: token vectors
averaged over the whole text, no special tokens (wordllama 0.4, MIT, https://github.com/dleemiller/WordLlama).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...errors import MissingDependencyError
from ...scores.coverage import READ_CHARACTERS, coverage

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

_WEIGHTS = "weights/l2_supercat_256.safetensors"
# Ids below are special and byte tokens; from here on ids are merges, ordered by frequency.
_FIRST_PIECE = 259
# Characters that are tokenised at a time.
_BATCH = 1_000_000
_TOKENIZER = "tokenizers/l2_supercat_tokenizer_config.json"


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text in tokens.

    Attributes:
        ids: The token ids.
        coverage: How much of the text the vocabulary knows as more than letters and bytes, 0 to 1; None where there is
            no word to judge by.
    """

    ids: list[int]
    coverage: float | None


class StaticEmbeddings:
    """A token embedding table [vocabulary, dimensions] and its tokenizer."""

    def __init__(self) -> None:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        folder = _package_folder()
        self.vectors: NDArray[np.float32] = load_file(str(folder / _WEIGHTS))["embedding.weight"].astype(np.float32)
        self._tokenizer: Tokenizer = Tokenizer.from_file(str(folder / _TOKENIZER))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._space = self._tokenizer.token_to_id("▁")

    def tokens(self, texts: Sequence[str]) -> Iterator[Tokens]:
        """The tokens of each text, without special tokens."""
        for batch in _batches(texts):
            encodings = self._tokenizer.encode_batch(batch, add_special_tokens=False)
            for text, encoding in zip(batch, encodings, strict=True):
                known = [identity >= _FIRST_PIECE for identity in encoding.ids[:READ_CHARACTERS]]
                yield Tokens(encoding.ids, coverage(text, encoding.offsets, known))

    def pooled(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """The mean vector [dimensions] of some tokens; zeros for none."""
        if not ids:
            return np.zeros(self.vectors.shape[1], dtype=np.float32)
        mean: NDArray[np.float32] = self.vectors[np.asarray(ids)].mean(axis=0)
        return mean

    def piece_ranks(self, words: Sequence[str]) -> list[list[int]]:
        """For each word the frequency ranks (from 1) of its pieces, byte tokens counting as rank 1."""
        return [
            [max(identity - _FIRST_PIECE + 1, 1) for identity in tokens.ids if identity != self._space]
            for tokens in self.tokens(words)
        ]


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """Neighbouring texts of `_BATCH` characters together, so that the tokenizer's records of few are held at a time."""
    batch: list[str] = []
    size = 0
    for text in texts:
        if batch and size + len(text) > _BATCH:
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch


def _package_folder() -> Path:
    found = importlib.util.find_spec("wordllama")
    if found is None or found.origin is None:
        raise MissingDependencyError(
            "The static embeddings come with the package 'wordllama', which is not installed.",
            hint="Install it with: pip install wordllama",
        )
    return Path(found.origin).parent
