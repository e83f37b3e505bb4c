"""Reading one file of an index so that damage is found out: each check names the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


def damaged(path: Path, reason: str) -> ConfigError:
    """The error for a file of an index that is missing or does not hold what it should."""
    return ConfigError(
        f"The BM25 index is damaged: the file {str(path)!r} cannot be used: {reason}.",
        hint="Build the index anew with swaprank.BM25Index.build(texts, path), or restore the file.",
    )


def parsed_json(path: Path, content: bytes) -> Any:
    """What a JSON file holds.

    Raises:
        ConfigError: The content is not JSON.
    """
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise damaged(path, f"it is not JSON ({error})") from error


def read_json(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
        ConfigError: It cannot be read, or is not JSON.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise damaged(path, error.strerror or str(error)) from error
    return parsed_json(path, content)


def map_array(path: Path, dtype: type[np.generic], length: int | None = None) -> Array:
    """Map an array of one dimension.

    Args:
        path: A file as `numpy.save` writes it.
        dtype: What it holds.
        length: How many; None for any number.

    Raises:
        ConfigError: The file is missing, truncated, or holds something else.
    """
    try:
        array = np.lib.format.open_memmap(path, mode="r")
        size = path.stat().st_size
    except Exception as error:  # numpy parses the header as Python source, which fails in many ways
        raise damaged(path, str(error) or type(error).__name__) from error
    if array.dtype != dtype or array.ndim != 1 or (length is not None and len(array) != length):
        wanted = f"[{'...' if length is None else length}] of {np.dtype(dtype)}"
        raise damaged(path, f"it holds {list(array.shape)} of {array.dtype}, not {wanted}")
    if size != array.offset + array.nbytes:
        raise damaged(path, f"it has {size} bytes, not {array.offset + array.nbytes}")
    return array


def check_offsets(path: Path, offsets: Array, end: int) -> Array:
    """Return the array if it divides a list of that length into parts: from 0 to the end, never falling.

    Raises:
        ConfigError: It does not.
    """
    if not len(offsets) or offsets[0] != 0 or offsets[-1] != end or np.any(offsets[1:] < offsets[:-1]):
        raise damaged(path, f"it does not divide {end} entries")
    return offsets
