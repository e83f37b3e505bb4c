"""What a config may say about the embedded models."""

from __future__ import annotations

from typing import ClassVar

from ...backend import BackendOptions
from ...requests import (
    Capability,
)

_CAPABILITIES = frozenset({Capability.LEXICAL, Capability.EMBEDDINGS, Capability.TOKEN_EMBEDDINGS})


class EmbeddedOptions(BackendOptions):
    """``backend: {type: embedded}``; there is nothing to set."""

    name: ClassVar[str] = "embedded"
    capabilities: ClassVar[frozenset[Capability]] = _CAPABILITIES
