"""Average precision as INQUIRE computes it: ``INQUIRE_AP@50``.

Vendrow et al., INQUIRE (NeurIPS 2024), arXiv 2411.02537. ir-measures' ``AP@k`` divides by the number of all relevant
passages, so that a query with more of them than places cannot reach 1. This one divides by the smaller of that number
and the places.
"""

from __future__ import annotations

import re
from typing import Any, Final

NAME: Final = "INQUIRE_AP"
_WRITTEN = re.compile(rf"{NAME}(\(rel=(?P<rel>\d+)\))?(@(?P<cutoff>\d+))?")


def parse(library: Any, text: str) -> Any:
    """The measure that a name means, as an object of ir-measures; None where it means another.

    Args:
        library: The module ``ir_measures``.
        text: Such as ``INQUIRE_AP@50``, or ``INQUIRE_AP(rel=2)@50``, where grades from 2 on are relevant.
    """
    found = _WRITTEN.fullmatch(text.strip())
    if found is None:
        return None
    least = int(found["rel"] or 1)
    cutoff = None if found["cutoff"] is None else int(found["cutoff"])

    def value(qrels: Any, run: Any) -> float:
        relevant = set(qrels.loc[qrels["relevance"] >= least, "doc_id"])
        return average_precision([one in relevant for one in run["doc_id"]], len(relevant), cutoff)

    measure = library.define_byquery(value, name=text.strip().partition("@")[0])
    return measure if cutoff is None else measure @ cutoff


def average_precision(relevant: list[bool], known: int, places: int | None = None) -> float:
    """The mean of the precisions at the relevant passages that are ranked.

    Args:
        relevant: Whether each ranked passage is relevant, best first.
        known: How many relevant passages there are at all.
        places: The cut-off; None for as many as are ranked.

    Returns:
        From 0 to 1; 0 where nothing relevant is ranked.
    """
    shown = relevant[:places]
    most = min(known, len(shown) if places is None else places)
    hits, total = 0, 0.0
    for rank, is_relevant in enumerate(shown, start=1):
        if is_relevant:
            hits += 1
            total += hits / rank
    return total / most if most and hits else 0.0
