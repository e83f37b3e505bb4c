"""Rerankers for LangChain: document compressors driven by a swaprank config."""

from swaprank.adapters import FAILURES, REASONING, RELEVANCE, RETRIEVAL_SCORE, SCORE_KIND, SUB_QUESTIONS
from swaprank.errors import require

# The modules below subclass the framework's classes: without it, say the pip line.
require("langchain_core", extra="langchain", purpose="langchain_rerankers")

from .bm25 import bm25_index  # noqa: E402
from .compressor import RELEVANCE_SCORE, Reranker  # noqa: E402
from .cross_encoder import RerankerCrossEncoder  # noqa: E402
from .decomposition import QuestionDecomposition  # noqa: E402
from .feedback import FeedbackRetriever  # noqa: E402
from .hybrid import HybridFusion  # noqa: E402
from .retriever import RerankingRetriever  # noqa: E402

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
