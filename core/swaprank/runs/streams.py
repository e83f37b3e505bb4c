"""Files and standard streams to read lines from and to write them to."""

from __future__ import annotations

import gzip
import io
import os
import stat
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

from ..errors import InputError
from .output_lock import output_lock

_GZIP = b"\x1f\x8b"


@contextmanager
def open_input(source: Path) -> Iterator[BinaryIO]:
    """A file, or standard input for ``-``; what gzip compressed is decompressed on the way.

    Raises:
        InputError: The file cannot be read, or is damaged gzip; this also while it is read.
    """
    if str(source) == "-":
        yield _decompressed(_stream(sys.stdin, "input"), "The standard input")
        return
    with _opened(source, "rb") as file:
        yield _decompressed(file, repr(str(source)))


@contextmanager
def open_output(target: Path, *, source: BinaryIO, overwrite: bool) -> Iterator[BinaryIO]:
    """A file to continue or to overwrite, or standard output for ``-``.

    A file is locked as long as it is written.

    Args:
        target: Where to write.
        source: What is read meanwhile.
        overwrite: Empty the file first.

    Raises:
        InputError: The file cannot be written, is the source, or another run writes it.
    """
    if str(target) == "-":
        yield _stream(sys.stdout, "output")
        return
    if not _is_regular(target):
        with _opened(target, "wb") as file:
            yield file
        return
    with _opened(target, "ab+") as file:
        if _is_same(file, source):
            raise InputError(f"{str(target)!r} is both input and output.", hint="Choose another output file.")
        with output_lock(target):
            file.seek(0)
            if overwrite:
                file.truncate()
            yield file
            file.flush()


class _Gunzipped(gzip.GzipFile):
    """Lines of a compressed file, with our error where it is damaged."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        super().__init__(fileobj=file)
        self._source = name

    def readline(self, size: int | None = -1) -> bytes:
        try:
            return super().readline(-1 if size is None else size)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise InputError(f"{self._source} is damaged gzip: {error}.") from error


def _decompressed(file: BinaryIO, name: str) -> BinaryIO:
    """The file itself, or what it holds compressed; ``peek`` leaves a pipe as it is."""
    if isinstance(file, io.BufferedReader) and file.peek(2)[:2] == _GZIP:
        return cast("BinaryIO", _Gunzipped(file, name))
    return file


def _is_same(one: BinaryIO, other: BinaryIO) -> bool:
    return os.path.sameopenfile(one.fileno(), other.fileno())


def _is_regular(target: Path) -> bool:
    """Whether a path is a file or free for one; devices and pipes can only be written."""
    try:
        return stat.S_ISREG(target.stat().st_mode)
    except OSError:
        return True


def _opened(path: Path, mode: str) -> BinaryIO:
    try:
        file: Any = path.open(mode)
    except OSError as error:
        verb = "read" if mode == "rb" else "written"
        raise InputError(f"{str(path)!r} cannot be {verb}: {error.strerror}.") from error
    opened: BinaryIO = file
    return opened


def _stream(stream: TextIO | None, name: str) -> BinaryIO:
    if stream is None:
        raise InputError(f"The standard {name} is closed.", hint=f"Give a file with --{name}.")
    return stream.buffer
