"""NVIDIA's Nemotron rerankers: Llama reads query and passage in both directions; a head scores the mean of its tokens.

Protocol: the prompt of https://huggingface.co/nvidia/llama-nemotron-rerank-1b-v2 as NVIDIA-NeMo/Automodel (Apache-2.0)
has it for this architecture, and that code's mask, pooling and temperature, reconstructed on transformers' Llama.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ..method import Method, Steps, pair_scores
from ..prompt import Slot, Text
from ..requests import Capability, PromptScore
from ..types import Passage, Query, ScoreKind
from ._activated import activated, kinds


class NemotronRerank(Method):
    """The head's logit, or its sigmoid.

    Attributes:
        max_length: Most tokens of the whole prompt; what is too much is cut off the passage's end.
        activation: ``"identity"`` for the logit, ``"sigmoid"`` for the probability.
    """

    name: ClassVar[str] = "nemotron-rerank"
    family: ClassVar[Literal["pointwise"]] = "pointwise"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.PROMPT_SCORE})
    source: ClassVar[str] = "https://github.com/NVIDIA-NeMo/Automodel, llama_bidirectional (Apache-2.0)"

    max_length: int = Field(default=8192, ge=16)
    activation: Literal["identity", "sigmoid"] = "identity"

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Probabilities after a sigmoid, else logits."""
        return kinds(self.activation)

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One forward pass per passage."""
        responses = yield from pair_scores(
            [PromptScore(self._prompt(query, passage), max_length=self.max_length) for passage in passages]
        )
        logits = [response.logit for response in responses]
        return activated(logits, self.activation)

    def _prompt(self, query: Query, passage: Passage) -> Text:
        # The wording and the white space are those of the training: NVIDIA-NeMo/Automodel, Apache-2.0.
        return ("question:", Slot(query.text), " \n \n passage:", Slot(passage.content, shrinks=True))


METHOD = NemotronRerank
