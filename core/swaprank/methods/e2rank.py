"""E2Rank: an embedding model whose query embedding has read the first candidates, compared by cosine.

Liu et al., E2Rank (2025), arXiv 2510.22733; Alibaba-NLP/E2Rank (Apache-2.0, https://github.com/Alibaba-NLP/E2Rank).
Passages are embedded as for retrieval, so that stored embeddings serve, and one longer prompt, the pseudo-query, is
read per query.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from ..method import Method, Steps
from ..prompt import Chat, Slot, Span, user
from ..requests import Capability, Embed, EmbedPrompt
from ..types import Passage, Query, ScoreKind
from ._embedding_similarity import similarity_steps
from ._passage_text import first_words

# What the weights were trained with: Alibaba-NLP/E2Rank at 478f298, Apache-2.0.
_END = "<|endoftext|>"
_LISTWISE = "Given a web search query and some relevant documents, rerank the documents that answer the query:"
_EMBEDDING = {
    "eval": "Given a web search query and a document, determine how relevant the document is to the query.",
    "readme": "Given a web search query, retrieve relevant passages that answer the query",
}
_WORDS = 1024


class E2Rank(Method):
    """Cosine of each passage with the pseudo-query.

    Attributes:
        mode: ``"listwise"`` for the pseudo-query; ``"embedding"`` for the query alone under an instruction, as in
            retrieval.
        protocol: ``"eval"`` for ``src/eval.py``, which made the published figures; ``"readme"`` for the examples of
            the README, which end each passage of the pseudo-query in ``<|endoftext|>``, set ``Search Query:`` apart
            by nothing, and keep passages whole.
        num_input_docs: Most passages in the pseudo-query; all are scored.
        instruction: What is asked; None for the protocol's wording. A query's own instruction goes before it.
        max_length: Most tokens of a prompt; None for the model's own limit. Passages are cut, never what follows.
        reuse_embeddings: Take stored passage embeddings as they are, so that the pseudo-query is all that is
            computed. Only for a store filled by this very model with ``<|endoftext|>`` after each text; nothing in
            an embedding tells whose it is. One of another size is computed again.
    """

    name: ClassVar[str] = "e2rank"
    family: ClassVar[Literal["listwise"]] = "listwise"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.PROMPT_EMBEDDINGS})
    source: ClassVar[str] = "https://github.com/Alibaba-NLP/E2Rank at 478f298 (Apache-2.0)"

    mode: Literal["listwise", "embedding"] = "listwise"
    protocol: Literal["eval", "readme"] = "eval"
    num_input_docs: int = Field(default=20, ge=1)
    instruction: str | None = None
    max_length: int | None = Field(default=None, ge=64)
    reuse_embeddings: bool = False

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Cosines."""
        return frozenset({ScoreKind.COSINE})

    @property
    def scores_absolute(self) -> bool:
        """Whether the query is embedded without the candidates."""
        return self.mode == "embedding"

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """The pseudo-query, and the passages whose embeddings are not known, in one round."""
        prompt = self._pseudo_query(query, passages) if self.mode == "listwise" else self._plain_query(query)
        requests: list[Embed | EmbedPrompt] = [EmbedPrompt(prompt, self.max_length)]
        requests += [EmbedPrompt(self._document(passage), self.max_length) for passage in passages]
        known = [passage.embedding if self.reuse_embeddings else None for passage in passages]
        return (yield from similarity_steps(requests, [None, *known]))

    def feedback_request(self, query: Query, passages: Sequence[Passage]) -> EmbedPrompt | None:
        """What asks for the pseudo-query of the best passages."""
        return EmbedPrompt(self._pseudo_query(query, passages), self.max_length) if self.mode == "listwise" else None

    def _document(self, passage: Passage) -> Span:
        return Span((Span(((Slot(self._shown(passage)),),), shrinks=True), _END), max_tokens=self.max_length)

    def _plain_query(self, query: Query) -> Span:
        instruction = query.instruction or self.instruction or _EMBEDDING[self.protocol]
        return Span((("Instruct: ", Slot(instruction), "\nQuery:", Slot(query.text)), _END))

    def _pseudo_query(self, query: Query, passages: Sequence[Passage]) -> Chat:
        published = self.protocol == "eval"
        content: list[str | Slot] = [Slot(query.instruction or self.instruction or _LISTWISE), "\nDocuments:"]
        for number, passage in enumerate(passages[: self.num_input_docs], start=1):
            content += [f"\n[{number}] ", Slot(self._shown(passage), shrinks=True), "" if published else _END]
        content += ["\nSearch Query: " if published else "Search Query:", Slot(query.text)]
        return user(*content, thinking=False)

    def _shown(self, passage: Passage) -> str:
        return first_words(passage.content, _WORDS) if self.protocol == "eval" else passage.content


METHOD = E2Rank
