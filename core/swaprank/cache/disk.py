"""A cache in a file that many processes share: SQLite of the standard library, in WAL mode.

Not diskcache: its last release is of 2023, it is no longer maintained, and what it reads it unpickles (CVE-2025-69872).
SQLite keeps what was written whole when a process dies, lets readers and one writer work at a time, and is everywhere.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from .options import Limit

logger = logging.getLogger(__name__)

FILE = "answers-1.sqlite"
# Seconds for which an entry counts as just used, so that most reads write nothing.
_FRESH = 60.0
# Seconds to wait for another process that writes; then the answers are not kept.
_BUSY = 2.0
# How full the cache is after something had to go: so that not every write has to make room.
_KEPT = 0.9
# Keys in one question: SQLite takes no more than 999 in old builds.
_MOST = 500
_OVERHEAD = 64
_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (key BLOB PRIMARY KEY, value BLOB NOT NULL, used REAL NOT NULL);
CREATE INDEX IF NOT EXISTS by_use ON answers (used);
CREATE TABLE IF NOT EXISTS totals (one INTEGER PRIMARY KEY CHECK (one = 1), entries INTEGER, bytes INTEGER);
INSERT OR IGNORE INTO totals VALUES (1, 0, 0);
CREATE TRIGGER IF NOT EXISTS added AFTER INSERT ON answers BEGIN
  UPDATE totals SET entries = entries + 1, bytes = bytes + length(NEW.value) + {overhead};
END;
CREATE TRIGGER IF NOT EXISTS removed AFTER DELETE ON answers BEGIN
  UPDATE totals SET entries = entries - 1, bytes = bytes - length(OLD.value) - {overhead};
END;
"""

T = TypeVar("T")


class DiskStore:
    """Keeps answers in a folder. The folder must be on a disk of this machine: WAL does not work over a network.

    A file that is damaged is put aside and begun anew; where nothing can be written, nothing is kept. Either is said
    once, as a warning.

    Args:
        folder: Made where there is none, for this user alone.
        limit: The most it holds.
    """

    def __init__(self, folder: Path, limit: Limit) -> None:
        self._file = folder / FILE
        self._limit = limit
        self._warned = False
        self._renew()
        _stores.add(self)

    def _renew(self) -> None:
        """Start without a connection, as after a fork: SQLite forbids to use the parent's."""
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def get(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """What is kept under these keys; they count as used now."""
        wanted = list(keys)

        def read(connection: sqlite3.Connection) -> dict[bytes, bytes]:
            now, found, stale = time.time(), {}, []
            for start in range(0, len(wanted), _MOST):
                some = wanted[start : start + _MOST]
                marks = ",".join("?" * len(some))
                rows = connection.execute(f"SELECT key, value, used FROM answers WHERE key IN ({marks})", some)
                for key, value, used in rows:
                    found[key] = value
                    if used < now - _FRESH:
                        stale.append((now, key))
            if stale:
                with contextlib.suppress(sqlite3.OperationalError):  # another process writes; used they are anyway
                    connection.executemany("UPDATE answers SET used = ? WHERE key = ?", stale)
            return found

        return self._safely(read, {})

    def put(self, entries: Mapping[bytes, bytes]) -> None:
        """Keep these; what was not used for the longest time goes, where there is no more room."""
        rows = [(key, value, time.time()) for key, value in entries.items()]

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("BEGIN IMMEDIATE")
            try:
                # What is there already is the same, for the key holds all that it depends on.
                connection.executemany("INSERT OR IGNORE INTO answers VALUES (?, ?, ?)", rows)
                self._make_room(connection)
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

        if rows:
            self._safely(write, None)

    def close(self) -> None:
        """Close the file; what is in it stays."""
        with self._lock:
            self._disconnect()

    def _make_room(self, connection: sqlite3.Connection) -> None:
        entries, size = connection.execute("SELECT entries, bytes FROM totals").fetchone()
        if self._limit.entries is not None and entries > self._limit.entries:
            surplus = entries - int(self._limit.entries * _KEPT)
        elif self._limit.bytes is not None and size > self._limit.bytes:
            surplus = 0
            for (length,) in connection.execute("SELECT length(value) FROM answers ORDER BY used, rowid"):
                surplus += 1
                size -= length + _OVERHEAD
                if size <= self._limit.bytes * _KEPT:
                    break
        else:
            return
        connection.execute(
            "DELETE FROM answers WHERE rowid IN (SELECT rowid FROM answers ORDER BY used, rowid LIMIT ?)", (surplus,)
        )

    def _safely(self, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """What the work comes to; `otherwise` where the file cannot be used."""
        with self._lock:
            try:
                return work(self._connected())
            except (sqlite3.OperationalError, OSError) as error:
                if "locked" not in str(error):
                    self._disconnect()
                    self._warn(error, "nothing is kept")
            except sqlite3.Error as error:
                self._disconnect()
                self._warn(error, "it is begun anew")
                with contextlib.suppress(sqlite3.Error, OSError):
                    self._put_aside()
                    return work(self._connected())
            return otherwise

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            connection = sqlite3.connect(self._file, timeout=_BUSY, check_same_thread=False, isolation_level=None)
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.executescript(_SCHEMA.format(overhead=_OVERHEAD))
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _put_aside(self) -> None:
        """Move the damaged file away, unless another process has done so."""
        with contextlib.suppress(sqlite3.DatabaseError):
            check = self._connected().execute("PRAGMA quick_check(1)").fetchone()
            if check == ("ok",):
                return
        self._disconnect()
        self._file.replace(self._file.with_suffix(".damaged"))
        for end in ("-wal", "-shm"):
            self._file.with_name(self._file.name + end).unlink(missing_ok=True)

    def _warn(self, error: Exception, what: str) -> None:
        if not self._warned:
            logger.warning("The cache %s cannot be used, so %s: %s", self._file, what, error)
            self._warned = True


def default_folder() -> Path:
    """Where caches of this user are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "swaprank"


_stores: weakref.WeakSet[DiskStore] = weakref.WeakSet()
# Connections of a parent process: to close them would take its locks away.
_inherited: list[sqlite3.Connection | None] = []


def _after_fork() -> None:
    for store in list(_stores):
        _inherited.append(store._connection)
        store._renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
