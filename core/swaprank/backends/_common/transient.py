"""Which HTTP statuses are of failures that may pass, so that trying again may help."""

from __future__ import annotations

# A server that is busy, starting or out of reach for a moment; 529 is how some say that they are overloaded.
TRANSIENT_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504, 529})
