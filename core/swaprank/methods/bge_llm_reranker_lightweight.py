"""BGE's lightweight reranker: Gemma 2 cut off behind a layer, the passage's tokens averaged on the way.

Code: https://github.com/FlagOpen/FlagEmbedding (7ed43d67, MIT), inference/reranker/decoder_only/lightweight.py and
models/gemma_model.py; the prompt is that of `bge-llm-reranker` with another question.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from ..method import Steps, pair_scores
from ..prompt import Compression, Span
from ..requests import Capability, PromptScore
from ..types import Passage, Query
from ._activated import activated
from .bge_llm_reranker import BgeLLMReranker

# What the weights were trained with: FlagEmbedding, MIT. The model card has three more, for other tasks.
PROMPT = "Predict whether passage B contains an answer to query A."


class BgeLLMRerankerLightweight(BgeLLMReranker):
    """The logit of the model's head, from -30 to 30, or its sigmoid; not comparable between settings or models.

    Attributes:
        prompt: The task, put behind the pair.
        cutoff_layers: How many layers are computed, from the model's ``start_layer`` (8) to all of them (42). None
            for all, as in the official code.
        compress_ratio: How many neighbouring tokens of the passage become one, their mean: 1 for no compression, as
            in the official code; the model is trained for 2, 4 and 8.
        compress_layers: In front of which layers, counted from 0, tokens are compressed, each time once more; in
            front of the first one it is not done.
    """

    name: ClassVar[str] = "bge-llm-reranker-lightweight"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.PROMPT_SCORE})

    prompt: str = PROMPT
    cutoff_layers: int | None = Field(default=None, ge=1)
    compress_ratio: int = Field(default=1, ge=1, le=8)
    compress_layers: tuple[int, ...] = (8,)

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One forward pass per passage, up to the layer asked for."""
        compression = None
        if self.compress_ratio > 1:
            before, after = Span(self._before(query)), Span(self._after)
            compression = Compression(self.compress_ratio, self.compress_layers, before, after)
        responses = yield from pair_scores(
            [
                PromptScore(self._prompt(query, passage), layer=self.cutoff_layers, compression=compression)
                for passage in passages
            ]
        )
        logits = [response.logit for response in responses]
        return activated(logits, self.activation)


METHOD = BgeLLMRerankerLightweight
