"""What a config may say about the embedded models."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, SecretStr

from ...backend import BackendOptions
from ...requests import Capability
from .._checkpoints.hub import HubAccess

_CAPABILITIES = frozenset({Capability.LEXICAL, Capability.EMBEDDINGS, Capability.TOKEN_EMBEDDINGS})


class EmbeddedOptions(BackendOptions):
    """``backend: {type: embedded, max_characters: 100000}``.

    Attributes:
        max_characters: Most characters of a query or a passage that are read, so that one huge passage cannot take the
            memory of the process: static embeddings take about 1 kB per character. The rest is cut off before
            anything is computed, which `Call.cut` counts. The default is about forty pages. None reads everything.
            Texts of a BM25 collection are always read as they are.
        revision: Branch, tag or commit of a model of the hub.
        cache_dir: Where downloads are kept; None for the hub library's default.
        local_files_only: Never ask the hub.
        token: Hub access token; better left to the environment variable ``HF_TOKEN``.
    """

    name: ClassVar[str] = "embedded"
    capabilities: ClassVar[frozenset[Capability]] = _CAPABILITIES
    # The revision is that of the files; see `EmbeddedBackend.identity`.
    neutral: ClassVar[frozenset[str]] = frozenset({"revision", "cache_dir", "local_files_only", "token"})

    max_characters: int | None = Field(default=100_000, ge=1)
    revision: str | None = None
    cache_dir: str | None = None
    local_files_only: bool = False
    token: SecretStr | None = None

    def hub(self) -> HubAccess:
        """How a model of the hub is got."""
        return HubAccess(self.revision, self.cache_dir, self.local_files_only, token=self.token)
