"""Rerankers for LlamaIndex: node postprocessors driven by a swaprank config."""

from .postprocessor import FAILURES, REASONING, RETRIEVAL_SCORE, SCORE_KIND, Reranker
from .query import InstructedQuery

__all__ = ["FAILURES", "REASONING", "RETRIEVAL_SCORE", "SCORE_KIND", "InstructedQuery", "Reranker"]
