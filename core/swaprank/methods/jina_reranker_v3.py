"""jina-reranker-v3: one prompt holds the query and the passages; the states at their last tokens are compared.

Protocol: modeling.py of https://huggingface.co/jinaai/jina-reranker-v3 (CC-BY-NC-4.0), arXiv 2509.25085.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from ..errors import ResponseError
from ..method import GroupScores, Method, Steps, token_embeddings
from ..prompt import Slot, Text
from ..requests import Capability, EmbedMarks
from ..types import Passage, Query, ScoreKind

# What the weights were trained with: jinaai/jina-reranker-v3, modeling.py.
_PASSAGE, _QUERY = "<|embed_token|>", "<|rerank_token|>"
_SYSTEM = (
    "You are a search relevance expert who can determine a ranking of the passages based on how relevant they are to "
    "the query. If the query is a question, how relevant a passage is depends on how well it answers the question. If "
    "not, try to analyze the intent of the query and assess how well each passage satisfies the intent. If an "
    "instruction is provided, you should follow the instruction when determining the ranking."
)
_BEFORE = f"<|im_start|>system\n{_SYSTEM}<|im_end|>\n<|im_start|>user\n"
_AFTER = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"


class JinaRerankerV3(Method):
    """Cosine of each passage with the query, both read in one prompt.

    Attributes:
        block_size: Most passages in a prompt. Over several prompts the query's vectors are averaged, each weighed by
            the best score of its prompt.
        passage_length: Most tokens of a passage.
        query_length: Most tokens of the query.
        max_length: Most tokens of a prompt; the longest passages are cut further until it fits. Set a smaller
            `block_size` where passages of more than 1,000 tokens are to be read whole.
        instruction: What the ranking should heed; None for none. A query's own instruction takes its place.
    """

    name: ClassVar[str] = "jina-reranker-v3"
    family: ClassVar[Literal["listwise"]] = "listwise"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.MARKED_EMBEDDINGS})
    source: ClassVar[str] = "https://huggingface.co/jinaai/jina-reranker-v3 (CC-BY-NC-4.0)"

    block_size: int = Field(default=125, ge=1)
    passage_length: int = Field(default=2048, ge=1)
    query_length: int = Field(default=512, ge=1)
    max_length: int = Field(default=131072, ge=256)
    instruction: str | None = None

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Cosines."""
        return frozenset({ScoreKind.COSINE})

    @property
    def scores_absolute(self) -> bool:
        """False: passages of one prompt see those before them, and the query sees all."""
        return False

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One prompt per block of passages, all in one round."""
        blocks = [passages[start : start + self.block_size] for start in range(0, len(passages), self.block_size)]
        responses = yield from token_embeddings(
            [EmbedMarks(self._prompt(query, block), (_PASSAGE, _QUERY), self.max_length) for block in blocks]
        )
        found = [np.asarray(response.vectors, dtype=np.float64) for response in responses]
        for vectors, block in zip(found, blocks, strict=True):
            if len(vectors) != len(block) + 1:
                raise ResponseError(
                    f"The prompt has {len(vectors)} marked tokens, where {len(block)} passages and the query have "
                    f"{len(block) + 1}.",
                    hint="With parse_control_tokens: true the texts must not hold the model's own tokens.",
                )
        queries = np.stack([vectors[-1] for vectors in found])
        weights = [(1.0 + _cosines(vectors[:-1], vectors[-1]).max()) / 2.0 for vectors in found]
        # Cosines of -1 everywhere leave nothing to weigh by.
        average = np.average(queries, axis=0, weights=weights if sum(weights) > 0 else None)
        scores = _cosines(np.concatenate([vectors[:-1] for vectors in found]), average)
        return GroupScores(scores=[float(score) for score in scores], kind=ScoreKind.COSINE)

    def _prompt(self, query: Query, passages: Sequence[Passage]) -> Text:
        asked = Slot(query.text, max_tokens=self.query_length)
        parts: list[str | Slot] = [
            f"{_BEFORE}I will provide you with {len(passages)} passages, each indicated by a numerical identifier. "
            "Rank the passages based on their relevance to query: ",
            asked,
            "\n",
        ]
        instruction = query.instruction or self.instruction
        if instruction:
            parts += ["<instruct>\n", Slot(instruction), "\n</instruct>\n"]
        for number, passage in enumerate(passages):
            shown = Slot(passage.content, max_tokens=self.passage_length, shrinks=True)
            parts += [f'<passage id="{number}">\n', shown, f"{_PASSAGE}\n</passage>\n"]
        return (*parts, "<query>\n", asked, f"{_QUERY}\n</query>{_AFTER}")


def _cosines(vectors: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The cosine of each row with a vector; 0 where one of them is the zero vector."""
    norms = np.linalg.norm(vectors, axis=1) * np.linalg.norm(other)
    # Row by row, because a matrix product may round equal passages differently.
    products = (vectors * other).sum(axis=1)
    found: np.ndarray = np.divide(products, norms, out=np.zeros_like(products), where=norms != 0)
    return found


METHOD = JinaRerankerV3
