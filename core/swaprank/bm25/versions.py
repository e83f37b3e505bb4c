"""Versions of an index: each lies in a folder of its own, and a small file names the current one.

::

    <index>/swaprank.json             {"format": 2, "version": "version-<32 hexadecimal digits>"}
    <index>/swaprank.lock             locked by the one process that writes
    <index>/version-<32 digits>/      an index that nobody changes any more (`files.py`)

A writer makes a new folder, and its last step replaces ``swaprank.json``, which the operating system does at once: a
writer that is killed at any point leaves either the old version or the new one, and perhaps a folder that the next
writer removes. Readers take no lock. The version that a reader is about to open may be replaced and removed; the reader
sees that ``swaprank.json`` has changed and opens the new one.

Format 1 had the files of the only version in the index folder itself. Such an index is read, and the next write moves
it to format 2.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from ..errors import ConfigError
from .checks import damaged, parsed_json
from .files import FILES, MANIFEST

FORMAT = 2
_LOCK = "swaprank.lock"
_VERSION = re.compile(r"version-[0-9a-f]{32}")
_POINTER_DRAFT = re.compile(r"swaprank\.json\.[0-9a-f]{32}")
# Windows refuses to replace or to open a file for the moment in which another process does.
_PATIENCE = 5.0 if os.name == "nt" else 0.0

Result = TypeVar("Result")


def exists(index: Path) -> bool:
    """Whether the folder holds an index, readable or not."""
    return (index / MANIFEST).exists()


def current(index: Path) -> Path:
    """The folder of the current version; in format 1 the index folder itself.

    Raises:
        ConfigError: There is no index, or ``swaprank.json`` is damaged.
    """
    pointer = index / MANIFEST
    try:
        content = parsed_json(pointer, _patiently(pointer.read_bytes))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ConfigError(
            f"The folder {str(index)!r} holds no BM25 index.",
            hint="Build one with swaprank.BM25Index.build(texts, path).",
        ) from error
    except OSError as error:
        raise damaged(pointer, error.strerror or str(error)) from error
    if not isinstance(content, dict):
        raise damaged(pointer, "it is not a JSON object")
    match content.get("format"):
        case 1:
            return index
        case 2:
            version = content.get("version")
            if not isinstance(version, str) or not _VERSION.fullmatch(version):
                raise damaged(pointer, f"{version!r} is not the name of a version")
            return index / version
    raise damaged(pointer, f"format {content.get('format')!r} is unknown to this release of swaprank")


def open_current(index: Path, read: Callable[[Path], Result]) -> Result:
    """Read the current version. One that a writer replaces in the meantime is given up for its successor.

    Args:
        index: The index folder.
        read: Opens the folder of a version; raises `ConfigError` when a file is missing or damaged.

    Raises:
        ConfigError: There is no index, or it is damaged.
    """
    while True:
        version = current(index)
        try:
            return read(version)
        except ConfigError:
            if current(index) == version:
                raise


@contextmanager
def locked(index: Path) -> Iterator[None]:
    """Keep every other writer waiting, in this process and in others; a lock dies with its process.

    Raises:
        ConfigError: The folder cannot be written, or holds something else than an index.
    """
    from filelock import FileLock

    with _write_errors(index):
        index.mkdir(parents=True, exist_ok=True)
        _refuse_foreign(index)
        lock = FileLock(index / _LOCK)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def replace_current(index: Path, write: Callable[[Path], None]) -> None:
    """Write a new version and make it the current one. The caller holds the lock (`locked`).

    Args:
        index: The index folder.
        write: Writes a version into a folder that does not exist yet.

    Raises:
        ConfigError: The folder cannot be written; the index is what it was.
    """
    name = f"version-{uuid4().hex}"
    draft = index / f"{MANIFEST}.{uuid4().hex}"
    with _write_errors(index):
        _sweep(index)
        try:
            draft.write_text(json.dumps({"format": FORMAT, "version": name}), encoding="utf-8")
            write(index / name)
            for path in (draft, *(index / name).iterdir(), index / name):
                _to_disk(path)
            _patiently(lambda: draft.replace(index / MANIFEST))
        except BaseException:
            # Where the draft is gone, it has become the pointer: an interrupt came too late to undo the write.
            if draft.exists():
                shutil.rmtree(index / name, ignore_errors=True)
                draft.unlink()
            raise
        _to_disk(index)
        _sweep(index)


def _sweep(index: Path) -> None:
    """Remove what is not of the current version: older versions, and what killed writers left.

    Nothing is removed while it is unknown which version is current. What cannot be removed, such as a file that is
    open under Windows, is left for the next writer.
    """
    try:
        keep = current(index)
    except ConfigError:
        if exists(index):
            return
        keep = None
    for path in list(index.iterdir()):
        if _VERSION.fullmatch(path.name) and path != keep:
            shutil.rmtree(path, ignore_errors=True)
        elif _POINTER_DRAFT.fullmatch(path.name) or (keep != index and path.name in FILES - {MANIFEST}):
            try:
                path.unlink()
            except OSError:
                continue


def _refuse_foreign(index: Path) -> None:
    """Refuse a folder with other content than an index, or than what a killed writer of an index leaves."""
    if exists(index):
        return
    for path in index.iterdir():
        if path.name != _LOCK and not _VERSION.fullmatch(path.name) and not _POINTER_DRAFT.fullmatch(path.name):
            raise ConfigError(
                f"The folder {str(index)!r} holds something else than an index: {path.name!r}.",
                hint="Give the index a folder of its own.",
            )


@contextmanager
def _write_errors(index: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"The index {str(index)!r} cannot be written: {error}.",
            hint="Give a folder that can be written, on a disk with room for two versions of the index.",
        ) from error


def _patiently(access: Callable[[], Result]) -> Result:
    """Try again for a while where another process is in the way for a moment (see `_PATIENCE`)."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return access()
        except PermissionError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.01)


def _to_disk(path: Path) -> None:
    """Have a file or a folder survive a power cut; Windows and some network file systems cannot do that for folders."""
    if path.is_dir():
        with suppress(OSError):
            _flush(path, os.O_RDONLY)
    else:
        _flush(path, os.O_RDWR)


def _flush(path: Path, mode: int) -> None:
    descriptor = os.open(path, mode)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
