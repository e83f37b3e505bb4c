"""Rerankers for LangChain: document compressors driven by a swaprank config."""

from .compressor import FAILURES, REASONING, RELEVANCE_SCORE, RETRIEVAL_SCORE, SCORE_KIND, Reranker
from .cross_encoder import RerankerCrossEncoder
from .retriever import RerankingRetriever

__all__ = [
    "FAILURES",
    "REASONING",
    "RELEVANCE_SCORE",
    "RETRIEVAL_SCORE",
    "SCORE_KIND",
    "Reranker",
    "RerankerCrossEncoder",
    "RerankingRetriever",
]
