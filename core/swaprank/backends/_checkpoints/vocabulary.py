"""Refusing tokenizers without a vocabulary, which transformers makes up where a model's files are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import BackendError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# A made-up vocabulary holds the control tokens and at most a word boundary.
_FEWEST = 2


def check_vocabulary(tokenizer: PreTrainedTokenizerBase, model: str) -> None:
    """Refuse a tokenizer that knows control tokens only: every text would read the same.

    Raises:
        BackendError: The vocabulary is empty; the message names the files that would hold it.
    """
    control = {token.content for token in tokenizer.added_tokens_decoder.values()}
    if len(tokenizer) - len(control) >= _FEWEST:
        return
    names = getattr(tokenizer, "vocab_files_names", {})
    alone = names.get("tokenizer_file", "tokenizer.json")
    others = sorted(name for key, name in names.items() if key != "tokenizer_file")
    files = f"neither {alone} nor {' and '.join(others)}" if others else f"no {alone}"
    raise BackendError(
        f"The model {model!r} has a tokenizer without a vocabulary: its folder or repository holds {files}.",
        hint="Copy the tokenizer's files of the original model beside its weights.",
    )
