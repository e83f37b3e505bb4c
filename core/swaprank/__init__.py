"""swaprank: any reranker, one config, in LlamaIndex and LangChain."""

from .bm25.index import BM25Index
from .errors import (
    BackendError,
    CapabilityError,
    ConfigError,
    ImageError,
    InputError,
    MissingDependencyError,
    ResponseError,
    SwaprankError,
)
from .images import Image
from .reranker import Reranker
from .scores.candidate_bag import candidate_bag
from .stages.feedback import Feedback
from .types import Call, Decomposed, Failure, Highlight, Passage, Query, RankedPassage, Ranking, ScoreKind

__version__ = "0.1.0"

__all__ = [
    "BM25Index",
    "BackendError",
    "Call",
    "CapabilityError",
    "ConfigError",
    "Decomposed",
    "Failure",
    "Feedback",
    "Highlight",
    "Image",
    "ImageError",
    "InputError",
    "MissingDependencyError",
    "Passage",
    "Query",
    "RankedPassage",
    "Ranking",
    "Reranker",
    "ResponseError",
    "ScoreKind",
    "SwaprankError",
    "candidate_bag",
]
