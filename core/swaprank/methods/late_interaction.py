"""Late interaction: query and passage embedded apart, token by token, and compared by MaxSim.

ColBERT (https://arxiv.org/abs/2004.12832), ColBERTv2, JaColBERTv2.5, ColBERT-XM and their kin. Protocol of
colbert-ai and of PyLate (both MIT, https://github.com/lightonai/pylate), which agree on the scores of one passage.
Unlike in `pylate.rank.rerank`, a passage's score does not depend on how long the other passages are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from ..errors import InputError
from ..method import GroupScores, Method, Steps, token_embeddings
from ..requests import Capability, EmbedImageTokens, EmbedTokens
from ..scores.late_interaction import max_sim
from ..types import Passage, Query, ScoreKind
from ._embedding_similarity import pair_coverage
from ._image_similarity import named


class LateInteraction(Method):
    """Sum over the query's tokens of the best similarity with any token of the passage (MaxSim).

    Where an option is None, the model's own config decides.

    Attributes:
        query_length: Tokens of a query, special tokens and marker included; the rest is cut, and a shorter
            query is filled up with mask tokens.
        document_length: Most tokens of a passage.
        do_query_expansion: Whether a short query is filled up.
        attend_to_expansion_tokens: Whether the query's tokens attend to those mask tokens.
        skiplist_words: Marks that do not count as tokens of a passage.
        query_prefix: Marker of a query: a token of the vocabulary; of models that read pages any text.
        document_prefix: Marker of a passage.
        images: For models that read pages (ColQwen2, ColPali). ``"read"`` compares by its images what has some, all of
            them together, and by its text what has none; ``"ignore"``, for all other models, reads texts only.
        max_pixels: Most pixels of an image that are read: a larger one is shrunk, which costs detail and saves tokens.
            ColPali reads every image at one size.
        image_tokens_only: Whether the words around an image in the model's prompt count as tokens of the page; they do
            by default, as in the official code.
    """

    name: ClassVar[str] = "late-interaction"
    family: ClassVar[Literal["embedding"]] = "embedding"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.TOKEN_EMBEDDINGS})
    source: ClassVar[str] = "PyLate 1f1f47c (MIT), https://github.com/lightonai/pylate; colbert-ai (MIT)"

    query_length: int | None = Field(default=None, ge=4)
    document_length: int | None = Field(default=None, ge=4)
    do_query_expansion: bool | None = None
    attend_to_expansion_tokens: bool | None = None
    skiplist_words: tuple[str, ...] | None = None
    query_prefix: str | None = None
    document_prefix: str | None = None
    images: Literal["ignore", "read"] = "ignore"
    max_pixels: int | None = Field(default=None, ge=1024)
    image_tokens_only: bool = False

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        """Options of images are for models that read some."""
        if not self.reads_images and (self.max_pixels is not None or self.image_tokens_only):
            raise ValueError(f"max_pixels and image_tokens_only are for images: read, not {self.images}")
        return self

    @property
    def reads_images(self) -> bool:
        """Whether the model reads pages."""
        return self.images == "read"

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """Sums over the query's tokens, which longer queries have more of."""
        return frozenset({ScoreKind.DOT})

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """The token embeddings of the query and of each passage."""
        query_tokens = EmbedTokens(
            query.text,
            "query",
            self.query_length,
            marker=self.query_prefix,
            expansion=self.do_query_expansion,
            attended=self.attend_to_expansion_tokens,
        )
        if self.reads_images:
            return (yield from self._image_steps(query, passages, query_tokens))
        texts = yield from token_embeddings([query_tokens, *(self._passage(passage) for passage in passages)])
        return GroupScores(
            scores=max_sim(texts[0].vectors, [text.vectors for text in texts[1:]]),
            kind=ScoreKind.DOT,
            coverage=pair_coverage(texts[0].coverage, [text.coverage for text in texts[1:]]),
        )

    def _image_steps(self, query: Query, passages: Sequence[Passage], query_tokens: EmbedTokens) -> Steps:
        """As `steps`; a passage counts by all its images, or else by its text."""
        if not query.text.strip():
            raise InputError("Late interaction asks about pages in words, and the query has none.")
        wanted: list[list[EmbedTokens | EmbedImageTokens]] = [
            [EmbedImageTokens(image, self.max_pixels, self.image_tokens_only) for image in passage.images]
            or [self._passage(passage)]
            for passage in passages
        ]
        asked = yield from token_embeddings([query_tokens, *(request for own in wanted for request in own)])
        answers = iter(asked[1:])
        read = [[next(answers) for _ in own] for own in wanted]
        warnings = [
            f"{named(place, passages)}: {one.unreadable}"
            for place, own in enumerate(read)
            for one in own
            if one.unreadable
        ]
        if query.images:
            warnings.append(f"{self.name!r} asks in words: the images of the query were not read.")
        known = [[one for one in own if not one.unreadable] for own in read]
        again = [place for place, own in enumerate(known) if not own and not passages[place].has_no_text]
        rescued = yield from token_embeddings([self._passage(passages[place]) for place in again])
        for place, one in zip(again, rescued, strict=True):
            known[place] = [one]
        size = asked[0].vectors.shape[1]
        pages = [np.concatenate([np.zeros((0, size), np.float32), *(one.vectors for one in own)]) for own in known]
        return GroupScores(scores=max_sim(asked[0].vectors, pages), kind=ScoreKind.DOT, warnings=warnings)

    def _passage(self, passage: Passage) -> EmbedTokens:
        return EmbedTokens(
            passage.content,
            "passage",
            self.document_length,
            marker=self.document_prefix,
            skip=self.skiplist_words,
        )


METHOD = LateInteraction
