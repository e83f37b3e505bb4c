"""Only one run at a time writes an output file; another learns which run that is."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from ..errors import InputError


@contextmanager
def output_lock(target: Path) -> Iterator[None]:
    """Hold the lock of an output file, ``.<name>.lock`` beside it.

    The operating system frees it when the process ends, however it ends. The empty file stays: if it were removed, two
    other runs could each lock a different file of that name.

    Raises:
        InputError: Another run holds it, or it cannot be written.
    """
    resolved = target.resolve()
    path = resolved.with_name(f".{resolved.name}.lock")
    # Before the attempt: some versions of filelock empty the file with it.
    holder = _holder(path)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(
            f"{str(target)!r} is being written by {holder}.", hint="Wait for its end, or choose another output file."
        ) from None
    except OSError as error:
        raise InputError(f"The lock {str(path)!r} cannot be written: {error.strerror}.") from error
    try:
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        path.write_text(json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": now}))
        yield
    finally:
        with suppress(OSError):
            path.write_text("")
        lock.release()


def _holder(path: Path) -> str:
    try:
        holder = json.loads(path.read_text())
        return f"process {holder['pid']} on {holder['host']}, since {holder['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another run"
