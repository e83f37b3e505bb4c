"""The endpoints that the http backend can ask."""

from __future__ import annotations

from typing import Literal

Api = Literal[
    "openai-chat",
    "openai-completions",
    "openai-embeddings",
    "vllm-score",
    "vllm-rerank",
    "jina-rerank",
    "cohere-rerank",
    "tei-rerank",
    "tei-embed",
    "nim-rerank",
    "azure",
    "bedrock",
    "cohere",
    "contextual",
    "isaacus",
    "jina",
    "mixedbread",
    "nvidia",
    "pinecone",
    "together",
    "vertex",
    "voyage",
    "zeroentropy",
]

LANGUAGE = ("openai-chat", "openai-completions")
EMBEDDING = ("openai-embeddings", "tei-embed")
