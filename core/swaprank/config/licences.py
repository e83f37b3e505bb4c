"""What a licence allows, as far as its name says."""

from __future__ import annotations

import re

_COMMERCIAL = re.compile(r"^(apache|mit|bsd|cc-by-4|cc-by-sa|cc0|gpl|lgpl|mpl|isc)", re.IGNORECASE)
_NON_COMMERCIAL = re.compile(r"\bnc\b|non-?commercial", re.IGNORECASE)


def allows_commercial_use(licence: str) -> bool | None:
    """Whether the licence allows commercial use; None where that depends on more than its name.

    Licences of vendors (Gemma, Llama, Qwen) allow it within limits that their texts set.

    Args:
        licence: As a recipe has it.
    """
    if _NON_COMMERCIAL.search(licence):
        return False
    return True if _COMMERCIAL.match(licence) and "base model under" not in licence else None
