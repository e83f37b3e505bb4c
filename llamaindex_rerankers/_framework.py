"""Imported before the modules that subclass LlamaIndex's classes, so that without LlamaIndex the pip line is said."""

from swaprank.errors import require

require("llama_index.core", extra="llamaindex", purpose="llamaindex_rerankers")
