"""Input and output of a run: one writer at a time, gzip read as it is, strict JSON written."""

import gzip
import io
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from swaprank import InputError
from swaprank.cli.rerank import rerank
from swaprank.runs.evaluation import load_files
from swaprank.runs.streams import open_input, open_output
from tests.cli.helpers import swaprank
from tests.cli.test_rerank import job, lines

HOLD = """
import sys, pathlib
from swaprank.runs.streams import open_input, open_output
with open_input(pathlib.Path(sys.argv[1])) as source, open_output(pathlib.Path(sys.argv[2]), source=source, overwrite=False):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def source(tmp_path) -> Path:
    path = tmp_path / "in.jsonl"
    path.write_text("".join(job(number) for number in range(1, 8)))
    return path


@pytest.mark.parametrize("linked", [False, True])
def test_a_second_run_on_one_output_is_told_who_holds_it(source, tmp_path, linked) -> None:
    target = tmp_path / "out.jsonl"
    second = tmp_path / "link.jsonl" if linked else target
    if linked:
        target.touch()
        second.symlink_to(target)
    first = subprocess.Popen(
        [sys.executable, "-c", HOLD, source, target], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        for _ in range(2):
            error = swaprank("rerank", "-r", "bm25", "-i", source, "-o", second, check=2).stderr
            assert f"is being written by process {first.pid} on {socket.gethostname()}, since 20" in error
        with pytest.raises(InputError, match=f"process {first.pid} on"):
            rerank(reranker="bm25", source=source, target=second, overwrite=True)
        assert target.read_bytes() == b""
    finally:
        os.kill(first.pid, signal.SIGKILL)
        first.communicate()
    rerank(reranker="bm25", source=source, target=second)
    assert [line["line"] for line in lines(target)] == [1, 2, 3, 4, 5, 6, 7]


def test_two_runs_in_one_process_do_not_share_an_output(source, tmp_path) -> None:
    target = tmp_path / "out.jsonl"
    with open_input(source) as file, open_output(target, source=file, overwrite=False):
        with pytest.raises(InputError, match=f"process {os.getpid()} on"):
            rerank(reranker="bm25", source=source, target=target)
        rerank(reranker="bm25", source=source, target=tmp_path / "other.jsonl")
    rerank(reranker="bm25", source=source, target=target)


def test_an_output_whose_lock_cannot_be_written_is_refused(source, tmp_path) -> None:
    (tmp_path / ".out.jsonl.lock").mkdir()
    with pytest.raises(InputError, match=r"lock .*\.out\.jsonl\.lock' cannot be written"):
        rerank(reranker="bm25", source=source, target=tmp_path / "out.jsonl")


def test_gzip_is_read_as_what_it_holds(source, tmp_path) -> None:
    rerank(reranker="bm25", source=source, target=tmp_path / "plain.jsonl")
    for name in ("in.jsonl.gz", "no-suffix"):
        packed = tmp_path / name
        packed.write_bytes(gzip.compress(source.read_bytes()))
        rerank(reranker="bm25", source=packed, target=tmp_path / f"{name}.out")
        assert (tmp_path / f"{name}.out").read_bytes() == (tmp_path / "plain.jsonl").read_bytes()
    piped = swaprank("rerank", "-r", "bm25", redirect=f"<'{packed}'").stdout
    assert piped.encode() == (tmp_path / "plain.jsonl").read_bytes()


@pytest.mark.parametrize("damage", [lambda whole: whole[:-20], lambda whole: whole[:20] + b"xxxx" + whole[24:]])
def test_damaged_gzip_is_an_error_of_ours(source, tmp_path, damage) -> None:
    packed = tmp_path / "in.jsonl.gz"
    packed.write_bytes(damage(gzip.compress(source.read_bytes())))
    with pytest.raises(InputError, match=r"in.jsonl.gz' is damaged gzip"):
        rerank(reranker="bm25", source=packed, target=tmp_path / "out.jsonl")


def test_evaluation_reads_gzip(tmp_path) -> None:
    texts = {
        "corpus": '{"_id": "d1", "text": "tea"}\n',
        "queries": '\ufeff{"_id": "q1", "text": "tea"}\r\n',
        "qrels": "q1 0 d1 1\n",
        "run": "q1 Q0 d1 1 2.5 x\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_bytes(gzip.compress(text.encode()))
    data = load_files(**{name: tmp_path / name for name in texts})
    assert data.candidates["q1"][0].text == "tea"


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999", '{"a": [1, NaN, {"b": -1e999}]}'])
def test_the_output_is_strict_json(tmp_path, value) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"query": "q", "passages": ["q"], "note": ' + value + "}\n")

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    for _ in range(2):  # the second goes on with the first, and finds its line
        rerank(reranker="bm25", source=source, target=target)
    [line] = target.read_text().splitlines()
    note = json.loads(line, parse_constant=refuse)["note"]
    assert note == (None if value[0] != "{" else {"a": [1, None, {"b": None}]})


def test_reading_leaves_other_streams_as_they_are(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a\nb\n")))
    with open_input(Path("-")) as file:
        assert list(file) == [b"a\n", b"b\n"]
