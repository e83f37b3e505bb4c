"""Whatever a server sends: memory is bounded, the event loop is free, and the error is ours."""

import asyncio
import gzip
import json
import threading
import zlib

import pytest

from swaprank import BackendError, Reranker, ResponseError
from swaprank.backends.http import body as bodies
from swaprank.backends.http.event_loop import event_loop_thread
from tests.backends.http.fake_server import FakeServer, Fault
from tests.backends.http.raw_server import RawServer, response

RIGHT = [{"index": 0, "score": 0.5}, {"index": 1, "score": 1.5}]


def reranker(url: str, **options) -> Reranker:
    backend = {"type": "http", "api": "tei-rerank", "base_url": url, "retries": 0, **options}
    return Reranker(method="cross-encoder", model="tiny", backend=backend)


def asked(server, **options) -> list[int]:
    return reranker(server.url, **options).rerank("green tea", ["coffee", "tea"]).order


@pytest.mark.parametrize(("encoding", "encode"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_compressed_answer_is_read(encoding, encode) -> None:
    with RawServer(response(encode(json.dumps(RIGHT).encode()), Content_Encoding=encoding)) as server:
        assert asked(server) == [1, 0]


def test_a_bomb_is_given_up_at_the_limit() -> None:
    """A kilobyte that stands for a megabyte, and no more of it than the limit is ever held."""
    bomb = gzip.compress(b" " * 50_000_000)
    with (
        RawServer(response(bomb, Content_Encoding="gzip")) as server,
        pytest.raises(ResponseError, match=r"more than 100000 bytes.*max_response_bytes"),
    ):
        asked(server, max_response_bytes=100_000)
    with RawServer(response(bomb, "500 No", Content_Encoding="gzip")) as ill, pytest.raises(BackendError, match="500"):
        asked(ill)


def test_an_endless_answer_ends_at_the_limit() -> None:
    def endless():
        yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        while True:
            yield b"10000\r\n" + b"[" * 0x10000 + b"\r\n"

    with RawServer(endless) as server, pytest.raises(ResponseError, match="more than 1000000 bytes"):
        asked(server, max_response_bytes=1_000_000)
        assert server.sent < 20_000_000


def test_an_endless_error_is_still_an_error() -> None:
    def endless():
        yield b"HTTP/1.1 400 Bad\r\nTransfer-Encoding: chunked\r\n\r\n"
        while True:
            yield b"10\r\nsixteen letters.\r\n"

    with RawServer(endless) as server, pytest.raises(BackendError, match="answered 400 Bad to /rerank: sixteen"):
        asked(server)


@pytest.mark.parametrize("encoding", ["br", "zstd"])
def test_an_encoding_that_was_not_asked_for_is_named(encoding) -> None:
    with (
        RawServer(response(b"abc", Content_Encoding=encoding)) as server,
        pytest.raises(ResponseError, match=f"content-encoding '{encoding}'"),
    ):
        asked(server)


def test_a_broken_compression_is_an_error_of_ours() -> None:
    with (
        RawServer(response(b"not gzip at all", Content_Encoding="gzip")) as server,
        pytest.raises(ResponseError, match="gzip that cannot be read"),
    ):
        asked(server)


@pytest.mark.parametrize("depth", [300, 100_000])
def test_deep_json_is_refused(depth) -> None:
    with RawServer(response(b"[" * depth + b"]" * depth)) as server, pytest.raises(ResponseError, match="nested"):
        asked(server)


async def test_large_json_is_parsed_off_the_loop(monkeypatch) -> None:
    threads = []
    real = bodies._parsed
    monkeypatch.setattr(bodies, "_parsed", lambda content: threads.append(threading.current_thread()) or real(content))
    padding = {"usage": {}, "padding": "x" * (bodies._PARSED_HERE + 1), "results": RIGHT}
    for body in (padding, RIGHT):
        with RawServer(response(json.dumps(body).encode())) as server:
            await reranker(server.url).arerank("green tea", ["coffee", "tea"])
    assert [thread is threading.main_thread() for thread in threads] == [False, True]


def test_a_server_that_asks_for_ages_is_back_after_the_cooldown() -> None:
    with FakeServer(faults=(Fault.of(503, retry_after="1e9"),)) as busy:
        one = reranker(busy.url, cooldown=0.01, longest_pause=0.5)
        with pytest.raises(BackendError, match="503"):
            one.rerank("green tea", ["coffee", "tea"])
        replicas = one._stage.ranker.backend._replicas
        assert max(replicas._resting.values()) - replicas._clock() <= 0.01
        assert one.rerank("green tea", ["coffee", "tea"]).order == [1, 0]


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, type("Panic", (BaseException,), {})])
def test_what_ends_a_coroutine_does_not_end_the_loop(kind) -> None:
    async def ends() -> None:
        raise kind("from inside")

    async def lives() -> int:
        await asyncio.sleep(0)
        return 7

    for _ in range(2):
        with pytest.raises(BackendError, match="from inside"):
            event_loop_thread().run(ends())
        assert event_loop_thread().run(lives()) == 7
