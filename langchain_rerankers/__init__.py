"""Rerankers for LangChain: document compressors driven by a swaprank config."""

from swaprank.adapters import (
    FAILURES,
    HIGHLIGHTS,
    REASONING,
    RELEVANCE,
    RETRIEVAL_SCORE,
    SCORE_KIND,
    SUB_QUESTIONS,
    UNSCORED,
    WARNINGS,
)

from . import _framework as _framework
from .bm25 import bm25_index
from .compressor import RELEVANCE_SCORE, Reranker
from .cross_encoder import RerankerCrossEncoder
from .decomposition import QuestionDecomposition
from .feedback import FeedbackRetriever
from .hybrid import HybridFusion
from .retriever import RerankingRetriever
from .scored_retriever import ScoredRetriever, as_retriever

__all__ = [
    "FAILURES",
    "HIGHLIGHTS",
    "REASONING",
    "RELEVANCE",
    "RELEVANCE_SCORE",
    "RETRIEVAL_SCORE",
    "SCORE_KIND",
    "SUB_QUESTIONS",
    "UNSCORED",
    "WARNINGS",
    "FeedbackRetriever",
    "HybridFusion",
    "QuestionDecomposition",
    "Reranker",
    "RerankerCrossEncoder",
    "RerankingRetriever",
    "ScoredRetriever",
    "as_retriever",
    "bm25_index",
]
