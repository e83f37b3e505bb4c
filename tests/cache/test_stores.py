"""Both stores keep what they are given up to their limit, for all threads and processes, and never break a call."""

import logging
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from swaprank.cache import disk
from swaprank.cache.disk import FILE, DiskStore
from swaprank.cache.memory import MemoryStore
from swaprank.cache.options import Limit

LARGE = Limit(bytes=10**9)


@pytest.fixture(params=["memory", "disk"])
def made(request, tmp_path, monkeypatch):
    monkeypatch.setattr(disk, "_FRESH", -1.0)  # every read counts
    return (lambda limit: DiskStore(tmp_path / "cache", limit)) if request.param == "disk" else MemoryStore


def entries(count, size=10, first=0):
    return {f"{number:020}".encode(): bytes([number % 256]) * size for number in range(first, first + count)}


def test_what_is_put_is_got(made) -> None:
    store = made(LARGE)
    kept = entries(1200)
    store.put(kept)
    store.put(entries(3))
    store.put({})
    assert store.get([*kept, b"other"]) == kept
    assert store.get([]) == {}


@pytest.mark.parametrize("limit", [Limit(entries=10), Limit(bytes=10 * 1100)])
def test_what_was_not_used_for_longest_goes_first(made, limit) -> None:
    store = made(limit)
    for number in range(9):
        store.put(entries(1, 850, number))
    used = next(iter(entries(1)))
    assert store.get([used])
    for number in range(9, 14):
        store.put(entries(1, 850, number))
    left = store.get(entries(14))
    assert used in left and 5 <= len(left) <= 12
    assert next(iter(entries(1, first=1))) not in left and next(iter(entries(1, first=13))) in left


def test_an_entry_larger_than_all_room_does_no_harm(made) -> None:
    store = made(Limit(bytes=5000))
    store.put(entries(1, 10_000))
    store.put(entries(2))
    assert store.get(entries(2)) != entries(1, 10_000)


def test_threads_share_a_store(made) -> None:
    store = made(LARGE)

    def work(number):
        store.put(entries(20, first=number))
        return len(store.get(entries(20, first=number)))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(100))) == [20] * 100


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_uses_it_too(made) -> None:
    store = made(LARGE)
    store.put(entries(5))
    with store._lock:
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            store.put(entries(1, first=7))
            os._exit(0 if len(store.get(entries(10))) == 6 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.get(entries(5)) == entries(5)


def test_a_closed_store_opens_again(made, tmp_path) -> None:
    store = made(LARGE)
    store.put(entries(5))
    store.close()
    store.close()
    assert len(store.get(entries(5))) == (5 if isinstance(store, DiskStore) else 0)
    store.put(entries(5))
    assert store.get(entries(5)) == entries(5)


def process(folder, number):
    store = DiskStore(folder, Limit(entries=3000))
    for first in range(0, 400, 20):
        store.put(entries(20, first=number * 400 + first))
    return len(store.get(entries(400, first=number * 400)))


def test_processes_share_a_file(tmp_path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        kept = pool.starmap(process, [(tmp_path, number) for number in range(3)])
    assert kept == [400] * 3
    store = DiskStore(tmp_path, LARGE)
    assert store.get(entries(1200)) == entries(1200)
    assert sqlite3.connect(tmp_path / FILE).execute("SELECT entries, bytes FROM totals").fetchone() == (1200, 1200 * 74)


def test_a_process_that_dies_while_it_writes_leaves_whole_entries(tmp_path) -> None:
    code = f"""
from pathlib import Path
from tests.cache.test_stores import DiskStore, LARGE, entries
store = DiskStore(Path({str(tmp_path)!r}), LARGE)
print("begun", flush=True)
for first in range(10**6):
    store.put(entries(50, 1000, first * 50))
"""
    writer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert writer.stdout.readline() == b"begun\n"
    while not DiskStore(tmp_path, LARGE).get(entries(1)):
        pass
    writer.kill()
    writer.wait()
    store = DiskStore(tmp_path, LARGE)
    found = store.get(entries(50, 1000))
    assert found == entries(50, 1000)


@pytest.mark.parametrize("damage", ["text", "torn", "empty", "middle"])
def test_a_damaged_file_is_begun_anew_with_one_warning(tmp_path, caplog, damage) -> None:
    first = DiskStore(tmp_path, LARGE)
    first.put(entries(2000, 100))
    first.close()
    file = tmp_path / FILE
    whole = file.read_bytes()
    middle = b"\xff" * 100_000
    torn = {"text": b"no database " * 999, "torn": whole[:70_000], "empty": b"", "middle": whole[:5000] + middle}
    file.write_bytes(torn[damage])
    store = DiskStore(tmp_path, LARGE)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            store.get(entries(2000))
            store.put(entries(50, first=5000))
    assert len(caplog.records) <= 1
    assert store.get(entries(50, first=5000)) == entries(50, first=5000)


def test_where_nothing_can_be_written_nothing_is_kept_and_it_is_said_once(tmp_path, caplog) -> None:
    (tmp_path / "file").write_text("in the way")
    store = DiskStore(tmp_path / "file" / "cache", LARGE)
    for _ in range(3):
        store.put(entries(3))
        assert store.get(entries(3)) == {}
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "nothing is kept" in caplog.text


def test_a_writer_that_holds_the_file_does_not_hold_readers(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(disk, "_BUSY", 0.05)
    store = DiskStore(tmp_path, LARGE)
    store.put(entries(3))
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert store.get(entries(3)) == entries(3)
    store.put(entries(3, first=10))
    assert store.get(entries(3, first=10)) == {}
    other.rollback()
    store.put(entries(3, first=10))
    assert store.get(entries(3, first=10)) == entries(3, first=10)


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs permissions of Unix")
def test_the_folder_is_for_its_user_alone(tmp_path) -> None:
    DiskStore(tmp_path / "new", LARGE).put(entries(1))
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0
