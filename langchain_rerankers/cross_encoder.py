"""RerankerCrossEncoder: a swaprank reranker behind LangChain's cross-encoder port."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.cross_encoders import BaseCrossEncoder

from swaprank import InputError
from swaprank import Reranker as CoreReranker


class RerankerCrossEncoder(BaseCrossEncoder):
    """Scores (query, text) pairs; all texts of one query are ranked together.

    Scores of methods that compare passages with each other are comparable within a query only.
    """

    def __init__(self, reranker: CoreReranker) -> None:
        self.reranker = reranker

    def score(self, text_pairs: Sequence[tuple[str, str]]) -> list[float]:
        """One score per pair, in the order of the pairs.

        Raises:
            InputError: Something is not a pair of texts, or a query is blank.
        """
        _check_pairs(text_pairs)
        places: dict[str, list[int]] = {}
        for place, (query, _) in enumerate(text_pairs):
            places.setdefault(query, []).append(place)
        rankings = self.reranker.rerank_many(
            list(places), [[text_pairs[place][1] for place in group] for group in places.values()]
        )
        scores = [0.0] * len(text_pairs)
        for group, ranking in zip(places.values(), rankings, strict=True):
            for place, score in zip(group, ranking.scores, strict=True):
                scores[place] = score
        return scores


def _check_pairs(pairs: Any) -> None:
    if isinstance(pairs, str | bytes) or not isinstance(pairs, Sequence):
        raise InputError(f"text_pairs is of type {type(pairs).__name__}.", hint="Give a list of (query, text) pairs.")
    for place, pair in enumerate(pairs):
        if not isinstance(pair, tuple | list) or [isinstance(text, str) for text in pair] != [True, True]:
            raise InputError(f"text_pairs[{place}] is not a pair of texts.", hint="Give (query, text).")
