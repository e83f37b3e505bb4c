"""What an adapter for a framework is made of; ``llamaindex_rerankers`` and ``langchain_rerankers`` use nothing else.

- `make_reranker` makes the core reranker from the arguments of an adapter's class, and `AdapterReranker` is the base of
  such a class where the framework is built on pydantic.
- `images_of` finds the images that a value of a document stands for.
- `checked_candidates` refuses what is not the framework's document, `shown` shows a wrong value in an error, and
  `rerank_metadata` says what results leave in the document's metadata.
- `FrameworkLlm` answers requests with the framework's LLM object; an `LlmProvider` makes one for ``backend: llm``.
- `step`, `thread_step`, `run` and `arun` let work be written once for sync and async; `retrieve_for_parts` and
  `feedback_embedding` are such work.
"""

from ..backends.llm.framework import FrameworkLlm, LlmReply
from ..backends.llm.options import LlmOptions, LlmProvider
from ..config.load import Source
from ..masking import shown
from ..stages.feedback import Embeddings, with_embeddings
from .base import AdapterReranker, OnRanking
from .candidates import checked_candidates
from .construction import ANY_CONFIG, DECOMPOSITION_CONFIG, FUSION_CONFIG, ConfigKind, make_reranker
from .images import images_of
from .metadata import (
    FAILURES,
    HIGHLIGHTS,
    QUOTE,
    REASONING,
    RELEVANCE,
    RETRIEVAL_SCORE,
    SCORE_KIND,
    STALE,
    SUB_QUESTIONS,
    UNSCORED,
    WARNINGS,
    rerank_metadata,
)
from .retrieval import feedback_embedding, retrieve_for_parts
from .steps import Step, Steps, arun, run, step, thread_step
from .usage import usage

__all__ = [
    "ANY_CONFIG",
    "DECOMPOSITION_CONFIG",
    "FAILURES",
    "FUSION_CONFIG",
    "HIGHLIGHTS",
    "QUOTE",
    "REASONING",
    "RELEVANCE",
    "RETRIEVAL_SCORE",
    "SCORE_KIND",
    "STALE",
    "SUB_QUESTIONS",
    "UNSCORED",
    "WARNINGS",
    "AdapterReranker",
    "ConfigKind",
    "Embeddings",
    "FrameworkLlm",
    "LlmOptions",
    "LlmProvider",
    "LlmReply",
    "OnRanking",
    "Source",
    "Step",
    "Steps",
    "arun",
    "checked_candidates",
    "feedback_embedding",
    "images_of",
    "make_reranker",
    "rerank_metadata",
    "retrieve_for_parts",
    "run",
    "shown",
    "step",
    "thread_step",
    "usage",
    "with_embeddings",
]
