"""Rerankers for LlamaIndex: node postprocessors driven by a swaprank config."""
