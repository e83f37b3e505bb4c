"""Encoders that read images beside texts."""
