"""Readers of judged data, one format per file."""
