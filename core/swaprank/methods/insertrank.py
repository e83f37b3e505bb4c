"""InsertRank: each passage is shown with its BM25 score, so that a reasoning model can weigh lexical evidence.

Seetharaman et al., InsertRank: LLMs can reason over BM25 scores to improve listwise reranking (2025). The authors
published no code that could be found, and the paper's own prompt was not seen: the default is that of
castorini/rank_llm, `insert_rank_template.yaml` (Apache-2.0, https://github.com/castorini/rank_llm), and every
part of it is an option. Unlike there, a score stays with its passage from window to window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite
from typing import ClassVar, Literal

from ..errors import InputError
from ..replies.permutation import Reader
from ..requests import Lexical
from ..types import Passage, Query
from ._permutation_generation import QUOTED_RANKING
from ._rank_llm_prompt import CURRENT, RankLLM, Version

_PREFIX = (
    "I will provide you with {num} passages, each indicated by a numerical identifier []. "
    "I will also provide the BM25 scores from a lexical retrieval system.\n\n"
    "Rank the passages based on their relevance to the search query: {query}.\n"
)
_BODY = "[{rank}] {candidate}\nBM25 score for passge [{rank}]: {score}\n"
_SUFFIX = (
    "Search Query: {query}.\nRerank the above {num} passages based on their relevance to the query. "
    "Consider both the document content and the BM25 scores as signals for relevance. "
    "All the passages should be included and listed using identifiers, in descending order of relevance. "
    "The output format should be [] > [], e.g., [2] > [1]. "
    "Return the ranking as a list of numbers from 1 to {num}, most relevant first. "
    "Answer concisely and directly and only respond with the ranking results, do not say any word or explain."
)
_QUOTED_SUFFIX = (
    "Search Query: {query}.\nConsider both the document content and the BM25 scores as signals for relevance. "
    + QUOTED_RANKING
)
_VERSION = Version(CURRENT.system_message, _PREFIX, _SUFFIX, _BODY, current=True, reader=CURRENT.reader)
_QUOTED = replace(_VERSION, suffix=_QUOTED_SUFFIX)


class InsertRank(RankLLM):
    """Listwise reranking with BM25 scores in the prompt.

    Attributes:
        score_source: ``"bm25"`` computes BM25 over the candidates; ``"retrieval"`` shows the candidates' own
            scores, for retrievers that are BM25.
        scale: Scores as they are (``"raw"``), or scaled over the candidates to 0..1 or 0..100.
        attribution: Have the model quote of each passage what decides its place (`RankedPassage.quote`); a quote that
            does not occur in its passage is dropped. Not in rank_llm's prompt; a `suffix` of yours must ask for it.
    """

    name: ClassVar[str] = "insertrank"
    source: ClassVar[str] = "castorini/rank_llm (Apache-2.0), https://github.com/castorini/rank_llm"
    reader: ClassVar[Reader] = Reader(brackets="prefer", odd_digits="normalize")

    score_source: Literal["bm25", "retrieval"] = "bm25"
    scale: Literal["raw", "0-1", "0-100"] = "raw"
    thinking: bool | None = False
    attribution: bool = False

    @property
    def quotes(self) -> bool:
        """Whether the config says so."""
        return self.attribution

    @property
    def version(self) -> Version:
        """Rank_llm's, with or without our words about quotes."""
        return _QUOTED if self.attribution else _VERSION

    def prepared(self, query: Query, passages: Sequence[Passage]) -> Sequence[Passage]:
        """The candidates with the scores that the prompt will show.

        Raises:
            InputError: A candidate has no score to show under ``score_source: retrieval``.
        """
        scores = _scaled(self._scores(query, passages), self.scale)
        return [replace(passage, score=score) for passage, score in zip(passages, scores, strict=True)]

    def _scores(self, query: Query, passages: Sequence[Passage]) -> Sequence[float]:
        if self.score_source == "bm25":
            from ..bm25.candidates import bm25_scores

            return bm25_scores(Lexical(query.text, tuple(passage.content for passage in passages))).scores
        for place, passage in enumerate(passages):
            if passage.score is None or not isfinite(passage.score):
                raise InputError(
                    f"Passage {place} has the retrieval score {passage.score!r}, which insertrank cannot show.",
                    hint="Use score_source: bm25.",
                )
        return [passage.score or 0.0 for passage in passages]


def _scaled(scores: Sequence[float], scale: str) -> Sequence[float]:
    """Min-max over the candidates; all 0 when they are equal."""
    if scale == "raw":
        return scores
    low, high = min(scores), max(scores)
    top = 100.0 if scale == "0-100" else 1.0
    return [top * (score - low) / (high - low) if high > low else 0.0 for score in scores]


METHOD = InsertRank
