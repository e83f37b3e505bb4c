"""Responses as bytes and back: a header in JSON, then the arrays. Nothing in it can run."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from ..responses import Embedded, Generated, LabelScores, PairScored, Response, SequenceScore, TokenEmbeddings, Usage

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PLAIN: tuple[type[Any], ...] = (PairScored, LabelScores, SequenceScore, Generated)
_KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in (*_PLAIN, Embedded, TokenEmbeddings)}


def encoded(response: Response) -> bytes | None:
    """The response as bytes; None for a kind that is not kept."""
    kind, array = type(response).__name__, None
    if isinstance(response, Embedded | TokenEmbeddings) and response.unreadable:
        # The file may be whole the next time.
        return None
    if isinstance(response, _PLAIN):
        values: dict[str, Any] = {
            field.name: getattr(response, field.name) for field in fields(response) if field.name != "usage"
        }
    elif isinstance(response, Embedded):
        array = np.asarray(response.vector)
        values = {"coverage": response.coverage}
    elif isinstance(response, TokenEmbeddings):
        array = response.vectors
        values = {"coverage": response.coverage, "ids": [int(one) for one in response.ids]}
    else:
        return None
    header: dict[str, Any] = {"kind": kind, "values": values, "cut": response.usage.cut}
    if array is not None:
        header |= {"dtype": array.dtype.str, "shape": array.shape}
    text = json.dumps(header, separators=(",", ":")).encode()
    return len(text).to_bytes(4, "big") + text + (b"" if array is None else np.ascontiguousarray(array).tobytes())


def decoded(data: bytes) -> Response:
    """The response of some bytes; it cost no tokens.

    Raises:
        ValueError: They are no response.
    """
    try:
        end = 4 + int.from_bytes(data[:4], "big")
        header = json.loads(data[4:end])
        usage = Usage(cut=header["cut"], cached=1)
        values: dict[str, Any] = {
            name: tuple(one) if isinstance(one, list) else one for name, one in header["values"].items()
        }
        if header["kind"] == "TokenEmbeddings":
            found: Response = TokenEmbeddings(table=_array(header, data[end:]), usage=usage, **values)
        elif header["kind"] == "Embedded":
            found = Embedded(vector=_array(header, data[end:]), usage=usage, **values)
        else:
            make: Callable[..., Response] = _KINDS[header["kind"]]
            found = make(usage=usage, **values)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"not a response: {error}") from error
    return found


def _array(header: dict[str, Any], data: bytes) -> NDArray[Any]:
    dtype = np.dtype(header["dtype"])
    if dtype.kind != "f":
        raise ValueError(f"an array of {dtype}")
    return np.frombuffer(data, dtype=dtype).reshape(header["shape"])
