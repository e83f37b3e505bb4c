"""Encoders of late interaction: a vector for every token of a text."""
