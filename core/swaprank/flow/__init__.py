"""Flows, the generators in which reranking is written, and what drives them."""
