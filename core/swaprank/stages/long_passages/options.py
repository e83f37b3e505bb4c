"""What a config may say about long passages."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class LongPassagesOptions(BaseModel):
    """``long_passages: {split: 400, overlap: 50, combine: max}``; ``long_passages: {}`` is the same.

    A passage of more than `split` tokens is read in chunks, its title before each; others are read whole.

    Attributes:
        split: Most tokens of a chunk and its title, by the model's own tokenizer. The query needs room, too.
        overlap: Most tokens of a chunk's last sentences that the next chunk begins with; at most half of `split`.
            None for an eighth of it.
        combine: The score of a passage: ``max`` is that of its best chunk, ``mean`` that of all its chunks;
            ``first-k`` is the best of its first `k` chunks, and no others are read; ``key-sentences`` is the weighted
            mean of its `k` most important sentences, each read by itself.
        k: For ``first-k`` how many chunks, which must be said; for ``key-sentences`` how many sentences (None for 5).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    split: int = Field(default=400, ge=16)
    overlap: int | None = Field(default=None, ge=0)
    combine: Literal["max", "mean", "first-k", "key-sentences"] = "max"
    k: int | None = Field(default=None, ge=1)

    @property
    def repeated(self) -> int:
        """`overlap`, or what it is where nothing is said."""
        return self.split // 8 if self.overlap is None else self.overlap

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.repeated * 2 > self.split:
            raise ValueError(f"overlap is {self.overlap}, which is more than half of split ({self.split})")
        if self.combine == "first-k" and self.k is None:
            raise ValueError("combine: first-k needs k, the number of chunks that are read, such as k: 3")
        if self.combine in ("max", "mean") and self.k is not None:
            raise ValueError(f"k is for combine: first-k and key-sentences, not {self.combine}")
        return self
