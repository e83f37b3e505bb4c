"""Files that a command writes at its end are tried at its beginning."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError


def check_writable(path: Path) -> None:
    """Fail before the work, not after it; what the file holds stays until there is something better.

    A file that was not there is not left behind.

    Raises:
        InputError: It cannot be written.
    """
    there = path.exists()
    try:
        path.open("a").close()
        if not there:
            path.unlink()
    except OSError as error:
        raise InputError(f"{str(path)!r} cannot be written: {error.strerror}.") from error
