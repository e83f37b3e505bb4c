"""Static embeddings in model2vec's format: a table of token vectors and a vocabulary, read with numpy and tokenizers.

Protocol: model2vec 0.10 (MIT, https://github.com/MinishLab/model2vec), `StaticModel.encode`, whose package is not
needed: tokens without special ones and without the unknown one, each vector times its token's weight, and the mean of a
text. Of a longer text than `max_length` tokens that code reads less: it cuts by characters first, and counts unknown
tokens; this reads the first `max_length` known ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import BackendError
from ...scores.coverage import coverage
from .pieces import Tokens

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Where the table lies, and what it is called there: model2vec's own folders, then those of sentence-transformers.
_LAYOUTS = (("", "embeddings"), ("", "embedding.weight"), ("0_StaticEmbedding", "embedding.weight"))
# What model2vec reads of a text where a model's config does not say.
_MAX_LENGTH = 512
# Texts that are tokenized at a time.
_BATCH = 256


class Model2VecTable:
    """A token embedding table [vocabulary, dimensions] and its vocabulary. May be used by several threads at a time.

    Args:
        folder: Holds ``model.safetensors``, ``tokenizer.json`` and, in model2vec's own folders, ``config.json``.
        name: How the model was named, for messages.

    Attributes:
        vectors: The vector of each token [vocabulary, dimensions], float32, with its weight.
        max_length: Most tokens of a text that its embedding reads; None for all.

    Raises:
        BackendError: There is no such table in the folder, or it does not fit its vocabulary.
    """

    def __init__(self, folder: Path, name: str) -> None:
        from tokenizers import Tokenizer

        tensors, place = _tensors(folder, name)
        config = _config(folder / "config.json")
        self.vectors: NDArray[np.float32] = _vectors(tensors)
        self.max_length: int | None = config.get("max_length", _MAX_LENGTH)
        self._normalize = bool(config.get("normalize", False))
        self._tokenizer: Any = Tokenizer.from_file(str(place / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._unknown = _unknown(self._tokenizer)
        if self._tokenizer.get_vocab_size() > len(self.vectors):
            raise BackendError(
                f"The table of {name!r} has {len(self.vectors)} vectors for the {self._tokenizer.get_vocab_size()} "
                "tokens of its vocabulary.",
                hint="The files do not belong together: fetch or distil the model anew.",
            )

    def tokens(self, texts: Sequence[str]) -> Iterator[Tokens]:
        """The tokens of each text, without special and unknown tokens."""
        for start in range(0, len(texts), _BATCH):
            batch = list(texts[start : start + _BATCH])
            for text, encoding in zip(
                batch, self._tokenizer.encode_batch(batch, add_special_tokens=False), strict=True
            ):
                ids = np.asarray(encoding.ids, dtype=np.int32)
                known = ids != self._unknown
                yield Tokens(ids[known], coverage(text, encoding.offsets, known.tolist()))

    def pooled(self, ids: NDArray[np.int32]) -> NDArray[np.float32]:
        """The mean vector [dimensions] of some tokens, of length 1 where the model says so; zeros for none."""
        if not len(ids):
            return np.zeros(self.vectors.shape[1], dtype=np.float32)
        mean: NDArray[np.float32] = self.vectors[ids].mean(axis=0)
        norm = float(np.linalg.norm(mean))
        return mean / np.float32(norm) if self._normalize and norm > 0 else mean


def _tensors(folder: Path, name: str) -> tuple[dict[str, Any], Path]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    for inner, key in _LAYOUTS:
        place = folder / inner
        if (place / "model.safetensors").is_file() and (place / "tokenizer.json").is_file():
            try:
                tensors = load_file(str(place / "model.safetensors"))
            except (SafetensorError, KeyError, TypeError) as error:
                # The latter two: a number type that numpy does not have, such as bfloat16.
                raise BackendError(f"The table of {name!r} cannot be read: {error}") from error
            if key in tensors:
                return {**tensors, "embeddings": tensors[key]}, place
    raise BackendError(
        f"There are no static embeddings in {name!r}.",
        hint="static-embedding reads 'wordllama' (the default), or a hub id or folder in model2vec's format, such as "
        "minishlab/potion-base-8M: model.safetensors with a tensor 'embeddings', and tokenizer.json. For other models "
        "use the method bi-encoder.",
    )


def _vectors(tensors: dict[str, Any]) -> NDArray[np.float32]:
    table = tensors["embeddings"]
    if "mapping" in tensors:
        table = table[tensors["mapping"]]
    vectors: NDArray[np.float32] = np.ascontiguousarray(table, dtype=np.float32)
    if "weights" in tensors:
        vectors = vectors * tensors["weights"].astype(np.float32)[:, None]
    return vectors


def _config(file: Path) -> dict[str, Any]:
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}


def _unknown(tokenizer: Any) -> int:
    """The id of the unknown token; -1, which no token has, where there is none."""
    model = json.loads(tokenizer.to_str())["model"]
    named = model.get("unk_token")
    if named is None:
        return int(unk) if (unk := model.get("unk_id")) is not None else -1
    found = tokenizer.token_to_id(named)
    return -1 if found is None else int(found)
