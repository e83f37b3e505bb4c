"""Static embeddings: token vectors looked up and averaged, compared by cosine; numpy only.

The table is wordllama's (MIT, https://github.com/dleemiller/WordLlama), which a pip package carries, so
nothing is downloaded. English; under other scripts its tokens fall apart into letters and bytes, which
the reading reports as low `coverage`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from ..method import Method, Steps
from ..requests import Capability
from ..similarity import embedding_steps
from ..types import Passage, Query


class StaticEmbedding(Method):
    """Cosine of averaged static token embeddings."""

    name: ClassVar[str] = "static-embedding"
    family: ClassVar[Literal["embedding"]] = "embedding"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.EMBEDDINGS})
    backend: ClassVar[str] = "embedded"
    takes_model: ClassVar[Literal["optional"]] = "optional"
    source: ClassVar[str] = "wordllama 0.4 (MIT), https://github.com/dleemiller/WordLlama"

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One embedding for the query and one per passage."""
        return (yield from embedding_steps(query, passages, reuse=False))


METHOD = StaticEmbedding
