"""The documents that a framework or its user hands in, checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from ..errors import InputError
from ..masking import shown

T = TypeVar("T")


def checked_candidates(candidates: Iterable[T], kind: type[T], name: str, hint: str) -> list[T]:
    """The candidates as a list.

    Args:
        candidates: What a framework or its user handed in.
        kind: What each of them must be.
        name: What the framework calls the candidates, for errors.
        hint: How to make one of them.

    Raises:
        InputError: Something else was handed in.
    """
    if isinstance(candidates, str | Mapping) or not isinstance(candidates, Iterable):
        raise InputError(f"{name} is a {type(candidates).__name__}: {shown(candidates)}.", hint=hint)
    listed = list(candidates)
    for place, candidate in enumerate(listed):
        if not isinstance(candidate, kind):
            raise InputError(f"{name}[{place}] is a {type(candidate).__name__}: {shown(candidate)}.", hint=hint)
    return listed
