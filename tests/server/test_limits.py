"""A server keeps to its limits: keys, sizes, time, waiting requests; and clients that hang up leave the queue."""

import asyncio
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from swaprank.errors import BackendError, BackendTimeoutError, ConfigError
from swaprank.server import models
from swaprank.server.options import named_models, read_keys
from tests.server.running import served, until

httpx = pytest.importorskip("httpx")

BODY = {"query": "a", "documents": ["b", "a"]}


class Waiting:
    """A reranker that waits until it is told to go on, or fails."""

    def __init__(self, _):
        self.go_on = threading.Event()
        self.began = self.cancelled = 0
        self.error = None
        Waiting.last = self

    async def arerank(self, query, passages, **options):
        self.began += 1
        try:
            while not self.go_on.is_set():
                await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        raise self.error


@pytest.fixture
def waiting(monkeypatch):
    monkeypatch.setattr(models, "Reranker", Waiting)

    def start(**options):
        return served({"slow": "slow"}, warm_up=False, **options)

    return start


def test_a_request_without_a_valid_key_is_refused_before_its_body_is_read() -> None:
    with served({"bm25": "bm25"}, keys=("first", "second"), max_body=100) as url:
        for value in (None, "Bearer third", "Bearer", "Basic second", "second"):
            headers = {} if value is None else {"Authorization": value}
            reply = httpx.post(f"{url}/v2/rerank", content=b"x" * 1000, headers=headers)
            assert (reply.status_code, reply.headers["www-authenticate"]) == (401, "Bearer")
        for key in ("first", "second"):
            reply = httpx.post(f"{url}/v2/rerank", json=BODY, headers={"Authorization": f"Bearer {key}"})
            assert reply.status_code == 200
        assert httpx.get(f"{url}/health").status_code == 200


def test_a_body_that_is_too_large_is_refused_with_and_without_its_length() -> None:
    with served({"bm25": "bm25"}, max_body=1000) as url:
        for content in (b"x" * 5000, (b"x" * 400 for _ in range(9))):
            assert httpx.post(f"{url}/v2/rerank", content=content).status_code == 413


def test_too_many_passages() -> None:
    with served({"bm25": "bm25"}, max_passages=3) as url:
        reply = httpx.post(f"{url}/v2/rerank", json={"query": "a", "documents": ["b"] * 4})
        assert reply.status_code == 422
        assert "4 passages, and 3 at most" in reply.json()["message"]


def test_a_body_that_is_compressed_is_refused() -> None:
    with served({"bm25": "bm25"}) as url:
        reply = httpx.post(f"{url}/v2/rerank", content=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
        assert reply.status_code == 415
        assert "'gzip'" in reply.json()["message"]


def test_a_body_that_comes_too_slowly_is_refused() -> None:
    with (
        served({"bm25": "bm25"}, timeout=0.2) as url,
        socket.create_connection(("127.0.0.1", httpx.URL(url).port)) as it,
    ):
        it.settimeout(30)
        it.sendall(b"POST /v2/rerank HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{")
        received = b""
        while more := it.recv(4096):  # until the server closes the connection
            received += more
        assert received.startswith(b"HTTP/1.1 408 ")
        assert b"did not come within 0.2 seconds" in received


def test_time_is_up(waiting) -> None:
    with waiting(timeout=1.0) as url:
        reply = httpx.post(f"{url}/v2/rerank", json=BODY)
        assert reply.status_code == 504
        until(lambda: Waiting.last.cancelled == 1)


def test_more_than_may_wait_are_told_to_come_again(waiting) -> None:
    with waiting(max_waiting=2) as url, ThreadPoolExecutor(2) as pool:
        first = [pool.submit(httpx.post, f"{url}/v2/rerank", json=BODY) for _ in range(2)]
        until(lambda: Waiting.last.began == 2)
        reply = httpx.post(f"{url}/v2/rerank", json=BODY)
        assert (reply.status_code, reply.headers["retry-after"]) == (429, "1")
        assert "swaprank_requests_in_progress 2.0" in httpx.get(f"{url}/metrics").text
        Waiting.last.error = BackendError("busy", retryable=True)
        Waiting.last.go_on.set()
        assert [one.result().status_code for one in first] == [503, 503]
        assert "swaprank_requests_in_progress 0.0" in httpx.get(f"{url}/metrics").text


def test_a_client_that_hangs_up_leaves_the_queue(waiting) -> None:
    with waiting() as url:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{url}/v2/rerank", json=BODY, timeout=1.0)
        until(lambda: Waiting.last.cancelled == 1)
        until(lambda: 'status="499"' in httpx.get(f"{url}/metrics").text)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (BackendError("no"), 500),
        (BackendError("no", retryable=True), 503),
        (BackendTimeoutError("no"), 504),
        (ConfigError("no"), 500),
        (KeyError("a bug, of which a client reads nothing"), 500),
    ],
)
def test_failures_have_the_status_that_tells_whether_to_try_again(waiting, error, status) -> None:
    with waiting() as url:
        Waiting.last.error = error
        Waiting.last.go_on.set()
        reply = httpx.post(f"{url}/v2/rerank", json=BODY)
        assert reply.status_code == status
        assert ("no" in reply.json()["message"]) == (type(error) is not KeyError)


def test_keys_come_from_a_file_and_from_the_environment(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SWAPRANK_API_KEYS", "one, two,")
    file = tmp_path / "keys"
    file.write_text("three\n\n")
    assert read_keys(file) == ("one", "two", "three")
    file.write_text("\n")
    with pytest.raises(ConfigError, match="holds no key"):
        read_keys(file)
    file.write_text("a b\n")
    with pytest.raises(ConfigError, match="not shown"):
        read_keys(file)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_keys(tmp_path / "none")


def test_names_of_models(tmp_path) -> None:
    file = tmp_path / "mine.yaml"
    assert named_models([str(file), f"org/name={file}"], ["bm25"]) == {"mine": file, "org/name": file, "bm25": "bm25"}
    assert named_models([], []) == {"embedded": "embedded"}
    with pytest.raises(ConfigError, match="'bm25'"):
        named_models([], ["bm25", "bm25"])
