"""BM25: lexical scores over the candidates, or over a collection that is handed in once.

Robertson et al., Okapi at TREC-3 (1994); variants as in Kamphuis et al., Which BM25 do you mean? (2020),
in the numbers of bm25s (MIT, https://github.com/xhluca/bm25s). The default is Lucene's, whose idf is never
negative: in a candidate list the query's own terms are in most documents, and Robertson's idf would
score exactly those 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from ..bm25.analysis import LANGUAGES
from ..errors import nearest
from ..method import GroupScores, Method, Steps, lexical_scores
from ..requests import Analysis, Capability, Lexical
from ..types import Passage, Query, ScoreKind


class BM25(Method):
    """Okapi BM25 and its variants.

    Attributes:
        language: ISO 639-1 code, or ``"auto"``: Arabic, Chinese, Japanese, Korean or English by the query's script.
        stemmer: Stem with Snowball.
        stopwords: Drop bm25s's stop words (there are none for some languages, Arabic among them).
        normalize_arabic: Drop diacritics and unify letter forms before Arabic stemming.
        variant: Formula, in bm25s's names.
        k1: Term frequency saturation.
        b: Length normalisation, 0 to 1.
        delta: Lower bound of BM25L and BM25+; None for their usual 0.5 and 1.0.
        collection: Texts, or the path of a JSONL file of them, whose statistics are used; None for
            the candidates themselves. Candidates that are not in it are added to it. Or the folder of a
            `BM25Index`, whose own options then hold; candidates outside are scored with its statistics.
    """

    name: ClassVar[str] = "bm25"
    family: ClassVar[Literal["lexical"]] = "lexical"
    needs: ClassVar[frozenset[Capability]] = frozenset({Capability.LEXICAL})
    backend: ClassVar[str] = "embedded"
    takes_model: ClassVar[Literal["never"]] = "never"
    source: ClassVar[str] = "bm25s 0.3 (MIT), https://github.com/xhluca/bm25s"

    language: str = Field(default="auto", json_schema_extra={"enum": ["auto", *LANGUAGES]})
    stemmer: bool = True
    stopwords: bool = True
    normalize_arabic: bool = True
    variant: Literal["lucene", "robertson", "atire", "bm25l", "bm25+"] = "lucene"
    k1: float = Field(default=1.5, ge=0, allow_inf_nan=False)
    b: float = Field(default=0.75, ge=0, le=1)
    delta: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    collection: str | tuple[str, ...] | None = None

    @field_validator("language")
    @classmethod
    def _known(cls, language: str) -> str:
        if language != "auto" and language not in LANGUAGES:
            raise ValueError(f"no tokenisation for this language. {nearest(language, ['auto', *LANGUAGES])}")
        return language

    @property
    def score_kinds(self) -> frozenset[ScoreKind]:
        """BM25."""
        return frozenset({ScoreKind.BM25})

    def steps(self, query: Query, passages: Sequence[Passage]) -> Steps:
        """One request for the whole group: BM25 needs all candidates at once."""
        delta = self.delta if self.delta is not None else {"bm25+": 1.0}.get(self.variant, 0.5)
        request = Lexical(
            query=query.text,
            passages=tuple(passage.content for passage in passages),
            analysis=Analysis(
                language=self.language,
                stemmer=self.stemmer,
                stopwords=self.stopwords,
                normalize=self.normalize_arabic,
                variant=self.variant,
                k1=self.k1,
                b=self.b,
                delta=delta,
            ),
            collection=self.collection or (),
        )
        [response] = yield from lexical_scores([request])
        return GroupScores(scores=response.scores, kind=ScoreKind.BM25)


METHOD = BM25
