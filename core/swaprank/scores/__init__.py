"""Arithmetic on scores."""
