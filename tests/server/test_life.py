"""A server lives on: configs are read anew, killed workers are replaced, SIGTERM answers what is in progress."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from swaprank import ConfigError, Reranker
from swaprank.server.models import ServedModels
from tests.server.running import served, served_by_command, until

httpx = pytest.importorskip("httpx")

DOCUMENTS = ["green tea", "coffee", "tea"]


def kept(url):
    return len(httpx.post(f"{url}/v2/rerank", json={"query": "tea", "documents": DOCUMENTS}).json()["results"])


def replaced(file, text) -> None:
    """Write a file at once: one that is written into is empty for a moment, and a wrong config."""
    fresh = file.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(file)


def test_a_config_that_changes_is_read_anew_and_a_wrong_one_is_not_taken(tmp_path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("method: bm25\ntop_n: 1\n")
    with served({"mine": file}, watch=0.02) as url:
        assert kept(url) == 1
        replaced(file, "method: bm25\ntop_n: 2\n")
        until(lambda: kept(url) == 2)
        replaced(file, "method: bm25\ntop_m: 3\n")
        until(lambda: 'reloads_total{model="mine",result="error"} 1.0' in httpx.get(f"{url}/metrics").text)
        assert kept(url) == 2
        file.unlink()
        until(lambda: 'reloads_total{model="mine",result="error"} 2.0' in httpx.get(f"{url}/metrics").text)
        replaced(file, "method: bm25\ntop_n: 3\n")
        until(lambda: kept(url) == 3)


def test_requests_are_answered_while_configs_come_and_go(tmp_path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("method: bm25\ntop_n: 1\n")
    done, seen = threading.Event(), set()

    def ask(url):
        with httpx.Client() as client:
            while not done.is_set():
                reply = client.post(f"{url}/v2/rerank", json={"query": "tea", "documents": DOCUMENTS})
                seen.add((reply.status_code, len(reply.json()["results"])))

    with served({"mine": file}, watch=0.005) as url, ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask, url) for _ in range(4)]
        texts, rounds = ("method: bm25\ntop_n: 2\n", "{{", "method: bm25\ntop_n: 1\n", "method: none\n"), 0
        end = time.monotonic() + 60
        while rounds < 10 or (len(seen) < 2 and time.monotonic() < end):
            for text in texts:
                replaced(file, text)
                time.sleep(0.02)
            rounds += 1
        done.set()
        for one in asking:
            one.result()
        assert seen == {(200, 1), (200, 2)}


def test_a_wrong_config_is_said_at_the_start(tmp_path) -> None:
    log = tmp_path / "log"
    file = tmp_path / "wrong.yaml"
    file.write_text("method: bm26\n")
    with log.open("wb") as said:
        command = ["-c", "from swaprank.cli import main; main()", "serve", "-c", str(file), "--port", "0"]
        done = subprocess.run([sys.executable, *command], stderr=said, timeout=60)
    assert done.returncode == 2
    assert "'wrong' cannot be served" in log.read_text()
    assert "Traceback" not in log.read_text()


def test_a_model_that_does_not_load_ends_the_server_with_a_line(tmp_path) -> None:
    file = tmp_path / "missing.yaml"
    file.write_text(f"method: cross-encoder\nmodel: {tmp_path / 'none'}\nbackend: onnx\n")
    command = ["-c", "from swaprank.cli import main; main()", "serve", "-c", str(file), "--port", "0"]
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert "none" in done.stderr
    assert "startup failed" in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_is_lost_or_mixed_up_when_a_worker_is_killed(tmp_path) -> None:
    asked = [(f"word{n}", [f"word{m} text" for m in range(n % 7 + 2)] + [f"word{n}"]) for n in range(60)]
    expected = [Reranker("bm25").rerank(query, documents).order for query, documents in asked]
    with served_by_command(tmp_path / "log", "-r", "bm25", "--workers", "2") as (process, url):
        workers = until(lambda: len(children := _children(process.pid)) >= 2 and children, 60)
        half = threading.Event()

        def ask(number):
            if number == 30:
                half.set()
            for _ in range(500):
                query, documents = asked[number]
                try:
                    reply = httpx.post(f"{url}/v2/rerank", json={"query": query, "documents": documents})
                except httpx.TransportError:
                    time.sleep(0.05)
                    continue
                return [one["index"] for one in reply.json()["results"]]
            raise AssertionError("no answer")

        with ThreadPoolExecutor(16) as pool:
            replies = [pool.submit(ask, number) for number in range(len(asked))]
            assert half.wait(90)
            for victim in workers[-1:]:
                os.kill(victim, signal.SIGKILL)
            assert [reply.result() for reply in replies] == expected
        until(lambda: len(set(_children(process.pid)) - set(workers[-1:])) >= 2, 90)
        text = httpx.get(f"{url}/metrics").text
        assert 'swaprank_requests_total{model="bm25",path="/v2/rerank",status="200"}' in text
        assert "swaprank_requests_in_progress 0.0" in text


@pytest.mark.parametrize("wrong", ["{{", "method: cross-encoder\nmodel: /none\nbackend: onnx\n"])
def test_a_worker_that_is_replaced_while_a_config_is_wrong_serves_the_last_good_one(tmp_path, wrong) -> None:
    file, log = tmp_path / "mine.yaml", tmp_path / "log"
    file.write_text("method: bm25\ntop_n: 1\n")
    with served_by_command(log, "-c", file, "--workers", "2") as (process, url):
        workers = until(lambda: log.read_text().count("startup complete") == 2 and _children(process.pid), 60)
        replaced(file, "method: bm25\ntop_n: 2\n")
        until(lambda: 'result="ok"} 2.0' in httpx.get(f"{url}/metrics").text)
        replaced(file, wrong)
        until(lambda: 'result="error"} 2.0' in httpx.get(f"{url}/metrics").text)
        os.kill(workers[-1], signal.SIGKILL)
        until(lambda: log.read_text().count("startup complete") == 3, 60)
        assert "the last one that worked is served" in log.read_text()
        assert {kept(url) for _ in range(20)} == {2}
        assert process.poll() is None
    assert "Traceback" not in log.read_text()


def test_a_wrong_config_is_an_error_where_none_has_worked_before(tmp_path) -> None:
    (tmp_path / "mine.yaml").write_text("{{")
    with pytest.raises(ConfigError, match="'mine' cannot be served"):
        ServedModels({"mine": tmp_path / "mine.yaml"}, last_good=tmp_path)


def test_sigterm_answers_what_is_in_progress(tmp_path) -> None:
    documents = [f"some words about topic {n} " * 40 for n in range(900)]
    with served_by_command(tmp_path / "log", "-r", "embedded") as (process, url), ThreadPoolExecutor(1) as pool:
        reply = pool.submit(httpx.post, f"{url}/v2/rerank", json={"query": "topic", "documents": documents})
        until(lambda: "swaprank_requests_in_progress 1.0" in httpx.get(f"{url}/metrics").text)
        process.send_signal(signal.SIGTERM)
        assert len(reply.result().json()["results"]) == 900
        assert process.wait(30) in (0, -signal.SIGTERM)


def _children(pid):
    """The worker processes, without Python's resource tracker."""
    listed = subprocess.run(
        ["ps", "-ww", "-o", "pid=", "-o", "args=", "--ppid", str(pid)], capture_output=True, text=True
    ).stdout
    return [int(line.split()[0]) for line in listed.splitlines() if "spawn_main" in line]
