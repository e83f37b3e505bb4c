"""The framework's own LLM."""

from .backend import LlmBackend

BACKEND = LlmBackend
