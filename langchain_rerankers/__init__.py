"""Rerankers for LangChain: document compressors driven by a swaprank config."""
