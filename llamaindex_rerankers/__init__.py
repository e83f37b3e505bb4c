"""Rerankers for LlamaIndex: node postprocessors driven by a swaprank config."""

from swaprank.adapters import FAILURES, REASONING, RELEVANCE, RETRIEVAL_SCORE, SCORE_KIND, SUB_QUESTIONS
from swaprank.errors import require

# The modules below subclass the framework's classes: without it, say the pip line.
require("llama_index.core", extra="llamaindex", purpose="llamaindex_rerankers")

from .bm25 import bm25_index  # noqa: E402
from .decomposition import QuestionDecomposition  # noqa: E402
from .feedback import FeedbackRetriever  # noqa: E402
from .hybrid import HybridFusion  # noqa: E402
from .postprocessor import Reranker  # noqa: E402
from .query import InstructedQuery  # noqa: E402

__all__ = [
    "FAILURES",
    "REASONING",
    "RELEVANCE",
    "RETRIEVAL_SCORE",
    "SCORE_KIND",
    "SUB_QUESTIONS",
    "FeedbackRetriever",
    "HybridFusion",
    "InstructedQuery",
    "QuestionDecomposition",
    "Reranker",
    "bm25_index",
]
