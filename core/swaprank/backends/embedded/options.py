"""What a config may say about the embedded models."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from ...backend import BackendOptions
from ...requests import Capability

_CAPABILITIES = frozenset({Capability.LEXICAL, Capability.EMBEDDINGS, Capability.TOKEN_EMBEDDINGS})


class EmbeddedOptions(BackendOptions):
    """``backend: {type: embedded, max_characters: 100000}``.

    Attributes:
        max_characters: Most characters of a query or a passage that are read, so that one huge passage cannot take the
            memory of the process: static embeddings take about 1 kB per character. The rest is cut off before
            anything is computed, which `Call.cut` counts. The default is about forty pages. None reads everything.
            Texts of a BM25 collection are always read as they are.
    """

    name: ClassVar[str] = "embedded"
    capabilities: ClassVar[frozenset[Capability]] = _CAPABILITIES

    max_characters: int | None = Field(default=100_000, ge=1)
