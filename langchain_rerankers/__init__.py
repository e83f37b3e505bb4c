"""Rerankers for LangChain: document compressors driven by a swaprank config."""

from swaprank.adapters import FAILURES, REASONING, RELEVANCE, RETRIEVAL_SCORE, SCORE_KIND, SUB_QUESTIONS

from .bm25 import bm25_index
from .compressor import RELEVANCE_SCORE, Reranker
from .cross_encoder import RerankerCrossEncoder
from .decomposition import QuestionDecomposition
from .feedback import FeedbackRetriever
from .hybrid import HybridFusion
from .retriever import RerankingRetriever

__all__ = [
    "FAILURES",
    "REASONING",
    "RELEVANCE",
    "RELEVANCE_SCORE",
    "RETRIEVAL_SCORE",
    "SCORE_KIND",
    "SUB_QUESTIONS",
    "FeedbackRetriever",
    "HybridFusion",
    "QuestionDecomposition",
    "Reranker",
    "RerankerCrossEncoder",
    "RerankingRetriever",
    "bm25_index",
]
