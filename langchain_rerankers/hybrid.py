"""HybridFusion: a document compressor that fuses the scores of several rankings."""

from __future__ import annotations

from typing import Any, ClassVar

from swaprank import Reranker as CoreReranker
from swaprank.adapters import FUSION_CONFIG, ConfigKind, Source

from .compressor import Reranker


class HybridFusion(Reranker):
    """Fuses retrieval scores, BM25 and other rerankers into one score.

    Takes the ``fusion`` configs of `Reranker`, in the same words, and fills in what is left out: the rule
    ``evidence`` over the first stage and BM25 over the documents. Documents with the same ``id`` are merged: the
    best-scored copy stays with its metadata (``deduplicate=False`` keeps all; documents without an id all stay).

    Example:
        ``HybridFusion(fusion="erank", of=[{"method": "bm25", "collection": "index"}, "retrieval"], top_n=10)``
    """

    _kind: ClassVar[ConfigKind] = FUSION_CONFIG

    # Without it type checkers take the fields for the arguments, as in any other pydantic class.
    def __init__(self, reranker: Source | CoreReranker = None, /, **options: Any) -> None:
        super().__init__(reranker, **options)
