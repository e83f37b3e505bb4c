"""Postings: for each term the documents that hold it, and what it adds to their scores.

The layout and the numbers are those of bm25s (MIT, https://github.com/xhluca/bm25s; Lù 2024), which computes all scores
when a collection is indexed. They are computed here, not there, because bm25s goes through tqdm, whose lock is shared
with forked processes: one that is killed at the wrong moment blocks all others for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..requests import Analysis
from .formula import ABSENT_COUNTS, weight

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


@dataclass(frozen=True)
class Postings:
    """The scores of all terms in all documents.

    Attributes:
        documents: How many documents there are.
        columns: Where the postings of each term begin, by id [terms + 1 or more].
        rows: The document of each posting [postings].
        scores: What the term adds to the score of that document [postings].
        absent: What a term adds to the score of every document besides, by id [terms]; None where that is nothing.
    """

    documents: int
    columns: Array
    rows: Array
    scores: Array
    absent: Array | None

    def all_scores(self, counts: Mapping[int, int]) -> NDArray[np.float32]:
        """The score of every document [documents].

        Args:
            counts: How often the query holds each term, by id.
        """
        total = np.zeros(self.documents, dtype=np.float32)
        for term, count in counts.items():
            postings = slice(self.columns[term], self.columns[term + 1])
            np.add.at(total, self.rows[postings], count * self.scores[postings])
        if self.absent is not None:
            total += sum(count * self.absent[term] for term, count in counts.items())
        return total

    def document_frequency(self, term: int) -> int:
        """How many documents hold a term."""
        return int(self.columns[term + 1] - self.columns[term])


def index_terms(analysis: Analysis, documents: Sequence[Sequence[int] | Array]) -> Postings:
    """Score all terms in all documents.

    Args:
        analysis: Variant and parameters.
        documents: Term ids of each document. At least one holds a term, and every id below the highest is in use.
    """
    lengths = np.array([len(document) for document in documents], dtype=np.int64)
    terms = np.concatenate([np.asarray(document, dtype=np.int64) for document in documents])
    rows = np.repeat(np.arange(len(documents)), lengths)
    # One number for each pair, by term and then by document.
    pairs, frequency = np.unique(terms * len(documents) + rows, return_counts=True)
    terms, rows = np.divmod(pairs, len(documents))
    document_frequency = np.bincount(terms)
    absent = weight(
        analysis,
        frequency=np.zeros(len(document_frequency)),
        relative_length=1.0,  # makes no difference to a term that does not occur
        document_frequency=document_frequency,
        documents=len(documents),
    )
    scores = weight(
        analysis,
        frequency=frequency,
        relative_length=(lengths / lengths.mean())[rows],
        document_frequency=document_frequency[terms],
        documents=len(documents),
    )
    return Postings(
        documents=len(documents),
        columns=np.concatenate([[0], np.cumsum(document_frequency)]).astype(np.int64),
        rows=rows.astype(np.int32),
        scores=(scores - absent[terms]).astype(np.float32),
        absent=absent.astype(np.float32) if analysis.variant in ABSENT_COUNTS else None,
    )
