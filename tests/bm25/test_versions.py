"""An index in a folder is always one whole version: for readers, for several writers, and after kill -9."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from threading import Thread

import pytest

from swaprank import BM25Index, ConfigError, InputError, Passage
from swaprank.bm25 import versions
from swaprank.bm25.files import MANIFEST

HERE = Path(__file__).parent


def documents(first: int, count: int) -> list[Passage]:
    return [Passage(f"word{number} tea", id=f"d{number}") for number in range(first, first + count)]


def test_an_open_index_stays_the_version_that_it_opened(tmp_path) -> None:
    BM25Index.build(documents(0, 6), tmp_path)
    index = BM25Index.load(tmp_path)
    assert not index.is_stale
    BM25Index.load(tmp_path).update(remove=["d0", "d1"])
    assert index.is_stale
    assert [index.search(f"word{number}")[0][0] for number in range(6)] == [f"d{number}" for number in range(6)]
    assert index.ids == [f"d{number}" for number in range(6)]


def test_an_update_of_a_stale_object_keeps_what_others_wrote(tmp_path) -> None:
    one = BM25Index.build(documents(0, 3), tmp_path)
    other = BM25Index.load(tmp_path)
    one.update(documents(10, 2))
    assert other.update(documents(20, 1), remove=["d0"]).ids == ["d1", "d2", "d10", "d11", "d20"]
    assert one.update(documents(10, 2)).ids == ["d1", "d2", "d10", "d11", "d20"], "nothing to do, yet it was stale"
    assert one.sync(documents(1, 2)).ids == ["d1", "d2"] == BM25Index.load(tmp_path).ids


def test_a_stale_object_of_another_analysis_is_refused(tmp_path) -> None:
    index = BM25Index.build(documents(0, 3), tmp_path)
    BM25Index.build(documents(0, 3), tmp_path, k1=0.9)
    with pytest.raises(ConfigError, match=r"built anew with another analysis.*BM25Index\.load"):
        index.update(documents(5, 1))


def test_an_index_that_is_gone_is_stale_and_cannot_be_updated(tmp_path) -> None:
    index = BM25Index.build(documents(0, 3), tmp_path / "i")
    (tmp_path / "i").rename(tmp_path / "elsewhere")
    assert index.is_stale
    assert index.search("word1")[0][0] == "d1"
    with pytest.raises(ConfigError, match="holds no BM25 index"):
        index.update(documents(5, 1))


def test_an_index_of_the_layout_without_versions_is_read_and_moved_to_versions(tmp_path) -> None:
    built = BM25Index.build(documents(0, 3), tmp_path)
    for file in [*built.version_path.iterdir()]:
        file.rename(tmp_path / file.name)
    built.version_path.rmdir()
    index = BM25Index.load(tmp_path)
    assert index.ids == built.ids and not index.is_stale
    changed = index.update(documents(5, 1))
    assert index.search("word2")[0][0] == "d2" and index.is_stale
    assert changed.search("word5")[0][0] == "d5"
    assert {path.name for path in tmp_path.iterdir()} == {changed.version_path.name, MANIFEST, "swaprank.lock"}


def test_an_open_index_can_be_pickled_and_needs_no_folder_then(tmp_path) -> None:
    index = BM25Index.build(documents(0, 3), tmp_path)
    packed = pickle.dumps(index)
    index.update(remove=["d0"])
    unpacked = pickle.loads(packed)
    assert unpacked.search("word0") == index.search("word0") != []
    assert unpacked.is_stale and unpacked.ids == ["d0", "d1", "d2"]


def test_a_version_that_is_replaced_while_it_is_opened_is_given_up_for_its_successor(tmp_path, monkeypatch) -> None:
    index = BM25Index.build(documents(0, 3), tmp_path)
    current, seen = versions.current, []

    def replaced_meanwhile(folder):
        seen.append(current(folder))
        if len(seen) == 1:
            index.update(documents(5, 1))
        return seen[0] if len(seen) == 1 else current(folder)

    monkeypatch.setattr(versions, "current", replaced_meanwhile)
    found = BM25Index.load(tmp_path)
    assert not seen[0].exists()
    assert found.ids == ["d0", "d1", "d2", "d5"]


def test_writers_in_threads_wait_for_one_another(tmp_path) -> None:
    index = BM25Index.build(documents(0, 1), tmp_path)
    threads = [Thread(target=index.update, args=(documents(number, 1),)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(BM25Index.load(tmp_path).ids) == [f"d{number}" for number in range(9)]


def test_a_write_that_fails_leaves_the_index_and_no_other_file(tmp_path, monkeypatch) -> None:
    index = BM25Index.build(documents(0, 3), tmp_path)
    before = sorted(tmp_path.rglob("*"))

    def full(path) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(versions, "_to_disk", full)
    with pytest.raises(ConfigError, match=r"cannot be written.*No space left.*room for two versions"):
        index.update(documents(5, 1))
    assert sorted(tmp_path.rglob("*")) == before
    assert BM25Index.load(tmp_path).ids == index.ids


def test_an_interrupt_leaves_the_old_version_or_the_new_one(tmp_path, monkeypatch) -> None:
    index = BM25Index.build(documents(0, 3), tmp_path)
    replace = Path.replace

    def interrupted(self, target):
        replace(self, target)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        index.update(documents(5, 1))
    assert BM25Index.load(tmp_path).ids == ["d0", "d1", "d2", "d5"]

    def too_early(self, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", too_early)
    with pytest.raises(KeyboardInterrupt):
        BM25Index.load(tmp_path).update(documents(6, 1))
    assert BM25Index.load(tmp_path).ids == ["d0", "d1", "d2", "d5"]


def test_what_cannot_be_removed_now_is_left_for_the_next_writer(tmp_path, monkeypatch) -> None:
    """As under Windows, where a file that a reader has mapped cannot be removed."""
    index = BM25Index.build(documents(0, 3), tmp_path)
    unlink, rmdir = os.unlink, os.rmdir

    def refused(*args, **keywords):
        raise PermissionError(13, "The process cannot access the file")

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refused)
        patch.setattr(os, "rmdir", refused)
        changed = index.update(documents(5, 1))
    assert (os.unlink, os.rmdir) == (unlink, rmdir)
    assert index.version_path.exists() and changed.version_path.exists()
    changed = changed.update(documents(6, 1))
    assert {path.name for path in tmp_path.iterdir()} == {changed.version_path.name, MANIFEST, "swaprank.lock"}


def test_a_pointer_that_is_in_use_is_waited_for(tmp_path, monkeypatch) -> None:
    """As under Windows, where a file cannot be replaced while another process opens it."""
    index = BM25Index.build(documents(0, 3), tmp_path)
    replace, tries = Path.replace, []

    def in_use(self, target):
        tries.append(target)
        if len(tries) < 3:
            raise PermissionError(13, "The process cannot access the file")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", in_use)
    with pytest.raises(ConfigError, match="cannot be written"):
        index.update(documents(5, 1))
    tries.clear()
    monkeypatch.setattr(versions, "_PATIENCE", 5.0)
    assert index.update(documents(5, 1)).ids == ["d0", "d1", "d2", "d5"]


@pytest.mark.parametrize("place", ["the folder is a file", "its parent is a file"])
def test_a_place_that_cannot_hold_an_index_is_refused(tmp_path, place) -> None:
    (tmp_path / "file").write_text("text")
    path = tmp_path / "file" / "index" if "parent" in place else tmp_path / "file"
    for attempt in (lambda: BM25Index.build(documents(0, 1), path), lambda: BM25Index.load(path)):
        with pytest.raises(ConfigError, match=r"cannot be written|holds no BM25 index"):
            attempt()


def test_ids_to_remove_are_a_collection(tmp_path) -> None:
    with pytest.raises(InputError, match=r"remove is the text 'd1', not a collection"):
        BM25Index.build(documents(0, 3), tmp_path).update(remove="d1")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
@pytest.mark.parametrize("how", ["first build", "update"])
def test_a_writer_killed_at_any_step_leaves_a_whole_index_and_the_next_clears_up(tmp_path, how) -> None:
    script = [sys.executable, str(HERE / "killed_writer.py"), how, str(tmp_path / "i")]
    ran = subprocess.run(script, capture_output=True, text=True, check=True, timeout=120)
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(lines) > 40 and [line["killed"] for line in lines] == [True] * (len(lines) - 1) + [False]
    old = None if how == "first build" else ["d0", "d1", "d2"]
    new = ["d1", "d2", "d20", "d21"] if how == "update" else ["d10", "d11"]
    assert [line["after"] for line in lines if line["after"] not in (old, new)] == []
    assert lines[-1]["after"] == new
    assert {(*line["rebuilt"], *line["left"]) for line in lines} == {
        ("d0", "d1", "d2", "swaprank.json", "swaprank.lock", "version")
    }


def test_readers_and_writers_in_processes_find_no_wrong_id_and_lose_no_document(tmp_path) -> None:
    BM25Index.build([Passage(f"word{number} tea", id=f"d{number}") for number in range(4)], tmp_path / "i")
    stop = tmp_path / "stop"
    script = [sys.executable, str(HERE / "readers_and_writers.py")]
    readers = [subprocess.Popen([*script, "read", tmp_path / "i", stop], stdout=-1, text=True) for _ in range(2)]
    writers = [subprocess.Popen([*script, "write", tmp_path / "i", str(number)]) for number in (1, 2)]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0]
    stop.touch()
    for reader in readers:
        searches, wrong = map(int, reader.communicate(timeout=60)[0].split())
        assert reader.returncode == 0
        assert searches > 0 and wrong == 0
    kept = [f"d{writer}x{number}" for writer in (1, 2) for number in (*range(10), 509)]
    assert sorted(BM25Index.load(tmp_path / "i").ids) == sorted([*(f"d{number}" for number in range(4)), *kept])


def test_an_index_of_a_relative_path_stays_where_it_is(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    index = BM25Index.build(documents(0, 3), "i")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert not index.is_stale
    assert index.update(documents(5, 1)).path == tmp_path / "i"
    assert not list((tmp_path / "elsewhere").iterdir())
