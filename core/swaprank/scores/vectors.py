"""What may stand for an embedding."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import Any

from ..errors import InputError


def check_vector(vector: Any, name: str) -> None:
    """Refuse what is not a sequence of numbers; their size and whether they are finite is not looked at.

    Args:
        vector: Floats: [dimensions].
        name: What the message calls it.

    Raises:
        InputError: Something of another type, or with anything else in it.
    """
    kind = getattr(getattr(vector, "dtype", None), "kind", None)
    try:
        if isinstance(vector, str | bytes | bytearray | Mapping) or not hasattr(vector, "__len__"):
            raise TypeError(type(vector).__name__)
        if kind is None:
            array("d", vector)
        elif kind not in "fiu" or vector.ndim != 1:
            raise TypeError(f"an array of {vector.dtype} with {vector.ndim} dimensions")
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{name} is not a list of numbers: {error}.", hint="Give a list of floats.") from error
