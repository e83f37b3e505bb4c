"""What a backend may be able to answer; methods say what they need of it."""

from __future__ import annotations

from enum import StrEnum


class Capability(StrEnum):
    """What a backend may be able to answer."""

    TEXT = "text"
    LABEL_LOGPROBS = "label_logprobs"
    SEQUENCE_LOGPROBS = "sequence_logprobs"
    PAIR_SCORE = "pair_score"
    PROMPT_SCORE = "prompt_score"
    EMBEDDINGS = "embeddings"
    TOKEN_EMBEDDINGS = "token_embeddings"
    VIEWS = "views"
    FUSED_TEXT = "fused_text"
    FUSED_ATTENTION = "fused_attention"
    PROMPT_EMBEDDINGS = "prompt_embeddings"
    MARKED_EMBEDDINGS = "marked_embeddings"
    ATTENTION = "attention"
    LEXICAL = "lexical"
    TOKENS = "tokens"
    IMAGE_BYTES = "image_bytes"
