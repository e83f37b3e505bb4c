"""Fusion of several rankings, and of what is already known about the candidates."""
