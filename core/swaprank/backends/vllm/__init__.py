"""vLLM in this process."""

from .backend import VllmBackend

BACKEND = VllmBackend
