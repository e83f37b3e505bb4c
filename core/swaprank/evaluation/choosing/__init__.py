"""Which reranker to take: by what recipes say, and by what was measured."""
