"""What a config may say about a cache, and which methods it is for."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..capability import Capability
from ..method import Method

_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
_BYTES = r"^\s*\d+(\.\d+)?\s*([kKMGT][iI]?)?[bB]\s*$"


class CacheOptions(BaseModel):
    """``cache: {type: disk, size: 1GB}``; ``cache: memory`` is short for ``cache: {type: memory}``.

    Attributes:
        type: ``"memory"`` keeps answers as long as the reranker lives, ``"disk"`` for all processes of this machine.
        size: The most that is kept: a number of answers, or bytes as text, such as ``"512MB"`` or ``"2GiB"``. What was
            not used for the longest time goes first. A score takes about 200 bytes, an embedding four bytes a
            dimension, a late-interaction passage that for each of its tokens.
        path: The folder of a disk cache; None for ``swaprank`` in the user's cache folder (``XDG_CACHE_HOME``).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["memory", "disk"]
    size: Annotated[int, Field(ge=1)] | Annotated[str, Field(pattern=_BYTES)] = "1GB"
    path: str | None = None

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.type == "memory" and self.path is not None:
            raise ValueError(f"path {self.path!r} is for type: disk")
        if self.limit.bytes is not None and self.limit.bytes < 1:
            raise ValueError(f"size {self.size!r} is nothing")
        return self

    @property
    def limit(self) -> Limit:
        """The size as a number."""
        if isinstance(self.size, int):
            return Limit(entries=self.size)
        number, unit = re.findall(r"[\d.]+|[A-Za-z]+", self.size)
        return Limit(bytes=int(float(number) * _UNITS[unit.upper()]))


class Limit(BaseModel):
    """The most that a cache holds: so many answers, or so many bytes.

    Attributes:
        entries: Number of answers; None where bytes count.
        bytes: Bytes of answers and their keys; None where answers count.
    """

    entries: int | None = None
    bytes: int | None = None


def takes_cache(method: type[Method]) -> bool:
    """Whether a method asks about one passage at a time, so that an answer comes up again."""
    return method.family in ("pointwise", "embedding") or method.needs == {Capability.PROMPT_EMBEDDINGS}
