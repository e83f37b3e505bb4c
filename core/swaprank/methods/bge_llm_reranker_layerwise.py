"""BGE's layerwise reranker: a head on every layer of MiniCPM, so that a part of the network gives the score.

Code: https://github.com/FlagOpen/FlagEmbedding (7ed43d67, MIT), inference/reranker/decoder_only/layerwise.py; the
prompt is that of `bge-llm-reranker`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from ..method import Steps, pair_scores
from ..requests import Capability, PromptScore
from ..types import Passage, Query
from ._activated import activated
from .bge_llm_reranker import BgeLLMReranker


class BgeLLMRerankerLayerwise(BgeLLMReranker):
    """The logit of a layer's head, or its sigmoid; not comparable between layers or models.

    Attributes:
        cutoff_layers: How many layers are computed, from the model's ``start_layer`` (8) to all of them (40); the
            head of the last of these gives the score. None for all, as in the official code; the model card takes
            28.
    """

    name: ClassVar[str] = "bge-llm-reranker-layerwise"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.PROMPT_SCORE})

    cutoff_layers: int | None = Field(default=None, ge=1)

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One forward pass per passage, up to the layer asked for."""
        responses = yield from pair_scores(
            [PromptScore(self._prompt(query, passage), layer=self.cutoff_layers) for passage in passages]
        )
        logits = [response.logit for response in responses]
        return activated(logits, self.activation)


METHOD = BgeLLMRerankerLayerwise
