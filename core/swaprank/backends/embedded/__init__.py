"""Models that come with the package."""

from .backend import EmbeddedBackend

BACKEND = EmbeddedBackend
