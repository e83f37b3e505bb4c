"""BM25: text analysis, the formula, over a list of candidates and over a collection kept in a folder."""
