"""Bi-encoder: query and passage embedded apart, compared by cosine.

Reimers & Gurevych, Sentence-BERT (2019); protocol of sentence-transformers 6.2 (Apache-2.0,
https://github.com/UKPLab/sentence-transformers). Embeddings that query and passages bring along are used
only when the config says that they are this model's: see `BiEncoder.reuse_embeddings`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from ..method import Method, Steps
from ..requests import Capability, Embed, EmbedImage, Request
from ..scores.relevance import ScoreMap
from ..types import Passage, Query, ScoreKind
from ._embedding_similarity import EVIDENCE, embedding_steps
from ._image_similarity import image_similarity_steps

_PLACE = "{instruction}"
# Qwen3-Embedding's, without a blank after the colon; others have one.
_INSTRUCT = "Instruct: {instruction}\nQuery:"


class BiEncoder(Method):
    """Similarity of sentence embeddings.

    Attributes:
        similarity: ``"cosine"``, or ``"dot"`` for models trained with the dot product.
        query_prompt: Text put before the query; None for the model's own query prompt. Where there is an
            `instruction`, it goes to the place ``{instruction}``, and None is Qwen3-Embedding's wording.
        instruction: What counts as relevant, for models trained to be told; a query's own instruction goes
            before it. None for models that were not: they refuse a query's, too.
        passage_prompt: Text put before each passage; None for the model's own passage prompt.
        max_length: Most tokens of a text; None for the model's own limit.
        reuse_embeddings: Take the query embedding that the framework computed, and stored passage
            embeddings, as they are, instead of computing them again. Only for a retriever that embeds
            with this very model and its prompts. Nothing in an embedding tells whose it is: LlamaIndex's
            retrievers write theirs into every query, and one of the same size by another model would
            misrank without a word. One of another size is computed again.
        images: For models with an image tower (CLIP, SigLIP). ``"read"`` compares by its images what has some, and by
            its text what has none; ``"blend"`` takes the mean of the unit vectors of text and image where there are
            both. ``"ignore"``, for all other models, reads texts only. Stored embeddings are then not reused.
    """

    name: ClassVar[str] = "bi-encoder"
    family: ClassVar[Literal["embedding"]] = "embedding"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.EMBEDDINGS})
    source: ClassVar[str] = "sentence-transformers 6.2 (Apache-2.0), https://github.com/UKPLab/sentence-transformers"

    similarity: Literal["cosine", "dot"] = "cosine"
    query_prompt: str | None = None
    instruction: str | None = None
    passage_prompt: str | None = None
    max_length: int | None = Field(default=None, ge=1)
    reuse_embeddings: bool = False
    images: Literal["ignore", "read", "blend"] = "ignore"

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        """An instruction and its place come together, and stored embeddings are those of texts."""
        if self.reuse_embeddings and self.reads_images:
            raise ValueError(f"stored embeddings are those of texts, and images is {self.images!r}")
        if self.query_prompt is None or (_PLACE in self.query_prompt) == (self.instruction is not None):
            return self
        if self.instruction is None:
            raise ValueError(f"query_prompt is {self.query_prompt!r}, and there is no instruction to put there")
        raise ValueError(f"query_prompt has no {_PLACE} for the instruction, and is {self.query_prompt!r}")

    @property
    def takes_instruction(self) -> bool:
        """Whether the config has an instruction that another may take the place of."""
        return self.instruction is not None

    @property
    def reads_images(self) -> bool:
        """Whether the model has an image tower."""
        return self.images != "ignore"

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Cosines, or dot products."""
        return frozenset({ScoreKind.COSINE if self.similarity == "cosine" else ScoreKind.DOT})

    @property
    def evidence(self) -> frozenset[str]:
        """The cosine, and how far the vocabulary reads the texts."""
        return EVIDENCE if self.similarity == "cosine" and not self.reads_images else frozenset()

    def relevance_map(self, kind: ScoreKind) -> ScoreMap | None:
        """None for cosines of a text with an image, which are low even for what belongs together."""
        return None if self.reads_images else super().relevance_map(kind)

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One embedding for the query and one per passage, those that are not known yet."""
        if self.reads_images:
            return (
                yield from image_similarity_steps(
                    query,
                    passages,
                    Embed(query.text, "query", self._query_prompt(query), self.max_length),
                    [self._text(passage) for passage in passages],
                    similarity=self.similarity,
                    blend=self.images == "blend",
                )
            )
        return (
            yield from embedding_steps(
                query,
                passages,
                similarity=self.similarity,
                query_prompt=self._query_prompt(query),
                passage_prompt=self.passage_prompt,
                max_length=self.max_length,
                reuse=self.reuse_embeddings,
            )
        )

    def passage_embeddings(self, passages: Sequence[Passage]) -> Sequence[Request]:
        """As `steps` asks for them."""
        return [
            EmbedImage(passage.images[0]) if self.reads_images and passage.images else self._text(passage)
            for passage in passages
        ]

    def _text(self, passage: Passage) -> Embed:
        return Embed(passage.content, "passage", self.passage_prompt, self.max_length)

    def _query_prompt(self, query: Query) -> str | None:
        if self.instruction is None:
            return self.query_prompt
        prompt = _INSTRUCT if self.query_prompt is None else self.query_prompt
        return prompt.replace(_PLACE, query.instruction or self.instruction)


METHOD = BiEncoder
