"""Answers of models, kept: the same question about the same text is not asked twice."""
