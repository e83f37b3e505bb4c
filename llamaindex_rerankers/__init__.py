"""Rerankers for LlamaIndex: node postprocessors driven by a swaprank config."""

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
from .decomposition import QuestionDecomposition
from .events import ReRankUsageEvent
from .feedback import FeedbackRetriever
from .hybrid import HybridFusion
from .postprocessor import Reranker
from .query import InstructedQuery

__all__ = [
    "FAILURES",
    "HIGHLIGHTS",
    "REASONING",
    "RELEVANCE",
    "RETRIEVAL_SCORE",
    "SCORE_KIND",
    "SUB_QUESTIONS",
    "UNSCORED",
    "WARNINGS",
    "FeedbackRetriever",
    "HybridFusion",
    "InstructedQuery",
    "QuestionDecomposition",
    "ReRankUsageEvent",
    "Reranker",
    "bm25_index",
]
