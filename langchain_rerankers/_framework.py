"""Imported before the modules that subclass LangChain's classes, so that without LangChain the pip line is said."""

from swaprank.errors import require

require("langchain_core", extra="langchain", purpose="langchain_rerankers")
