"""Models behind a server."""

from .backend import HttpBackend

BACKEND = HttpBackend
