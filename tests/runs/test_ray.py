"""``swaprank rerank --ray``: the same output as without, also after a worker was killed."""

import json
import os
import signal
from pathlib import Path

import pytest

from swaprank import InputError, Reranker
from swaprank.cli.rerank import OnBadLine, rerank
from swaprank.errors import BackendError, ConfigError
from swaprank.runs import distributed, jsonl
from tests.cli.helpers import swaprank

pytest.importorskip("ray")
LINES = 70


@pytest.fixture(scope="module", autouse=True)
def cluster():
    """One local Ray for all tests here; a reranker of the tests travels by value."""
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def jobs(source: Path):
    return jsonl.jobs(source.read_bytes().splitlines(keepends=True))


@pytest.fixture
def files(tmp_path) -> tuple[Path, Path, Path]:
    entries = [
        {"query": f"green tea {number}", "passages": ["coffee", f"green tea {number}", {"text": "tea", "id": "t"}]}
        for number in range(LINES)
    ]
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(job) + "\n" for job in entries))
    rerank(reranker="bm25", source=source, target=tmp_path / "expected.jsonl")
    return source, tmp_path / "out.jsonl", tmp_path / "expected.jsonl"


def test_the_output_is_that_of_one_process_in_the_same_order(files) -> None:
    source, target, expected = files
    rerank(reranker="bm25", source=source, target=target, batch_size=3, ray=True, actors=2)
    assert target.read_bytes() == expected.read_bytes()


def test_it_goes_on_where_a_run_was_stopped(files) -> None:
    source, target, expected = files
    whole = expected.read_bytes()
    for cut in (len(whole) // 3, len(whole)):
        target.write_bytes(whole[:cut])
        rerank(reranker="bm25", source=source, target=target, batch_size=4, ray=True)
        assert target.read_bytes() == whole


def test_a_killed_worker_loses_and_doubles_nothing(files, tmp_path) -> None:
    source, _, expected = files
    killed = tmp_path / "killed"

    class Mortal(Reranker):
        """Its process is killed in the middle of the run, once."""

        def rerank_many(self, queries, passages):
            if any("tea 40" in query.text for query in queries) and not killed.exists():
                killed.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return super().rerank_many(queries, passages)

    pool = distributed.ActorPool(actors=2)
    done = list(distributed.rerank_jobs(Mortal("bm25"), source, jobs(source), pool=pool, batch_size=2))
    assert killed.exists()
    assert b"".join(line for batch in done for line in batch) == expected.read_bytes()


def test_lines_before_a_bad_one_are_done_first(files) -> None:
    source, target, expected = files
    good = source.read_text().splitlines(keepends=True)
    source.write_text("".join([*good[:30], "{broken\n", *good[31:]]))
    with pytest.raises(InputError, match="Line 31 is not JSON"):
        rerank(reranker="bm25", source=source, target=target, batch_size=4, ray=True)
    whole = expected.read_bytes().splitlines(keepends=True)
    assert target.read_bytes() == b"".join(whole[:30])
    rerank(reranker="bm25", source=source, target=target, batch_size=4, ray=True, on_bad_line=OnBadLine.SKIP)
    assert target.read_bytes() == b"".join(whole[:30] + whole[31:])


def test_an_error_of_the_model_is_one_of_ours(files) -> None:
    class Broken(Reranker):
        def rerank_many(self, queries, passages):
            raise BackendError("no memory left")

    with pytest.raises(BackendError, match="no memory left"):
        list(
            distributed.rerank_jobs(
                Broken("bm25"), files[0], jobs(files[0]), pool=distributed.ActorPool(), batch_size=8
            )
        )


def test_standard_input_is_refused() -> None:
    with pytest.raises(ConfigError, match="standard input"):
        rerank(reranker="bm25", ray=True)


def test_the_command_line(files) -> None:
    source, target, expected = files
    swaprank("rerank", "-r", "bm25", "-i", source, "-o", target, "--ray", "--actors", 2)
    assert target.read_bytes() == expected.read_bytes()
