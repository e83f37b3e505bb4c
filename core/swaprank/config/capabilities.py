"""Whether a backend can answer what a method asks, and which backends could."""

from __future__ import annotations

from ..errors import CapabilityError
from ..requests import Capability
from . import registry


def check_needs(asker: str, needs: frozenset[Capability], backend: str, offered: frozenset[Capability]) -> None:
    """Refuse a backend that lacks something that a method, or whatever else asks it, needs.

    Raises:
        CapabilityError: The message names the backends that have it.
    """
    missing = needs - offered
    if missing:
        raise CapabilityError(
            f"{asker!r} needs {', '.join(sorted(missing))}; the {backend} backend "
            f"offers {', '.join(sorted(offered)) or 'nothing'}.",
            hint=_who_offers(missing),
        )


def _who_offers(missing: frozenset[Capability]) -> str:
    offers = []
    for name in registry.names("backend"):
        options = registry.backend(name).Options
        if missing <= options.capabilities:
            offers.append(options.offering(missing))
    return f"Offered by: {', '.join(offers)}." if offers else "No installed backend offers it."
