"""Images of servers are fetched only where a config allows it, from public addresses, within limits, and lose nothing."""

from __future__ import annotations

import asyncio
import io
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from swaprank import ConfigError, ImageError, Passage, Query, Reranker
from swaprank.images import fetching
from swaprank.requests import Embed, Embedded, EmbedImage, Request
from swaprank.testing import ScriptedBackend

PIL = pytest.importorskip("PIL.Image")
pytest.importorskip("httpx")


def png(colour: str) -> bytes:
    buffer = io.BytesIO()
    PIL.new("RGB", (8, 8), colour).save(buffer, "PNG")
    return buffer.getvalue()


class Handler(BaseHTTPRequestHandler):
    """Serves pictures by colour, and odd things by name."""

    seen: list[dict[str, str]]

    def do_GET(self) -> None:
        self.seen.append({"path": self.path, **{key.lower(): value for key, value in self.headers.items()}})
        name = self.path.partition("?")[0].strip("/")
        if name == "moved":
            self.send_response(302)
            self.send_header("Location", "/red")
        elif name == "inside":
            self.send_response(302)
            self.send_header("Location", "http://169.254.169.254/latest/meta-data")
        elif name == "file":
            self.send_response(302)
            self.send_header("Location", "file:///etc/passwd")
        elif name == "round":
            self.send_response(302)
            self.send_header("Location", "/round")
        elif name == "packed":
            self.send_response(200)
            self.send_header("Content-Encoding", "gzip")
        elif name in ("endless", "slow"):
            self.send_response(200)
        elif name == "gone":
            self.send_response(404)
        else:
            self.send_response(200)
        self.end_headers()
        try:
            if name == "endless":
                while True:
                    self.wfile.write(b"x" * 65536)
            if name == "slow":
                for _ in range(300):
                    self.wfile.write(b"x")
                    self.wfile.flush()
                    time.sleep(0.1)
            if name in ("red", "blue"):
                self.wfile.write(png(name))
        except OSError:  # the client has had enough
            return

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def server(monkeypatch) -> Iterator[str]:
    """A server that counts as public."""
    monkeypatch.setattr(Handler, "seen", [], raising=False)
    monkeypatch.setattr(
        fetching, "is_public", lambda address, known=fetching.is_public: address == "127.0.0.1" or known(address)
    )
    serving = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=serving.serve_forever, daemon=True).start()
    yield f"http://localhost:{serving.server_port}"
    serving.shutdown()
    serving.server_close()


def colours(request: Request) -> Embedded:
    """How red and how blue: of a picture its first pixel, of a text by its word."""
    if isinstance(request, EmbedImage):
        try:
            red, _, blue = request.image.open().getpixel((0, 0))
        except ImageError as error:
            return Embedded([], unreadable=str(error))
        return Embedded((float(red), float(blue)))
    assert isinstance(request, Embed)
    return Embedded((1.0, 0.1) if "red" in request.text else (0.1, 1.0))


def reranker(**config: object) -> Reranker:
    options = {"method": "bi-encoder", "model": "m", "images": "read", "reuse_embeddings": False}
    return Reranker({**options, **config}, backend=ScriptedBackend(colours))


def test_nothing_is_fetched_by_default(server) -> None:
    ranking = reranker().rerank("red", [Passage("", images=f"{server}/red"), Passage("blue")])
    assert Handler.seen == []
    assert "allow_urls: true" in ranking.warnings[0]


@pytest.mark.parametrize("how", ["sync", "async", "many"])
def test_images_are_fetched_where_a_config_allows_it(server, how) -> None:
    passages = [Passage("", images=f"{server}/blue?key=secret"), Passage("", images=f"{server}/moved")]
    one = reranker(allow_urls=True)
    if how == "sync":
        ranking = one.rerank("red", passages)
    elif how == "async":
        ranking = asyncio.run(one.arerank("red", passages))
    else:
        [ranking] = one.rerank_many(["red"], [passages])
    assert ranking.order == [1, 0]
    assert ranking.warnings == []
    assert ranking.passages[0].passage is passages[1]
    assert sorted(one["path"] for one in Handler.seen) == ["/blue?key=secret", "/moved", "/red"]
    assert all(one["host"].startswith("localhost:") for one in Handler.seen)


def test_an_image_of_the_query_is_fetched_and_equal_urls_once(server) -> None:
    ranking = reranker(allow_urls=True).rerank(
        Query("", images=f"{server}/blue"), [Passage("", images=f"{server}/{name}") for name in ("red", "blue", "red")]
    )
    assert ranking.order[0] == 1
    assert sorted(one["path"] for one in Handler.seen) == ["/blue", "/red"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("gone", "answered 404"),
        ("endless", "more than 100000 bytes"),
        ("slow", "took more than 1 seconds"),
        ("inside", "private network"),
        ("file", "http and https are fetched"),
        ("round", "redirected more than 5 times"),
        ("packed", "sent compressed"),
        ("nothing", "is no image"),
    ],
)
def test_what_cannot_be_fetched_loses_no_passage_and_is_said(server, name, says) -> None:
    one = reranker(allow_urls=True, image_limits={"bytes": 100_000, "seconds": 1})
    passages = [Passage("", images=f"{server}/{name}?key=secret"), Passage("", images=f"{server}/red"), Passage("blue")]
    ranking = one.rerank("red", passages)
    assert len(ranking.passages) == 3
    assert ranking.order[0] == 1
    assert says in " ".join(ranking.warnings)
    assert "secret" not in " ".join(ranking.warnings)


def test_a_deadline_of_the_stage_holds_for_fetching(server) -> None:
    started = time.monotonic()
    one = reranker(allow_urls=True, timeout=0.3, on_error="keep_order")
    ranking = one.rerank("red", [Passage("a", images=f"{server}/slow"), Passage("b")])
    assert ranking.order == [0, 1]
    assert ranking.failures or ranking.warnings
    assert time.monotonic() - started < 15  # the whole of it would take thirty seconds


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00:ec2::254", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("ff02::1", False),
    ],
)
def test_addresses_that_are_public(address, public) -> None:
    assert fetching.is_public(address) is public


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1"])
def test_this_machine_is_not_asked_however_it_is_written(host) -> None:
    ranking = reranker(allow_urls=True).rerank(
        "red", [Passage("red", images=f"http://{host}:9/a.png"), Passage("blue")]
    )
    assert len(ranking.passages) == 2
    assert "of this machine" in ranking.warnings[0] or "cannot be fetched" in ranking.warnings[0]


def test_a_name_is_resolved_once_and_its_public_address_used(server, monkeypatch) -> None:
    asked = []

    def resolve(host, port, **kind):
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in ("10.0.0.1", "127.0.0.1")]

    monkeypatch.setattr(
        fetching.socket,
        "getaddrinfo",
        lambda host, port, *rest, **kind: (
            resolve(host, port) if host == "pages.example" else known(host, port, *rest, **kind)
        ),
    )
    ranking = reranker(allow_urls=True).rerank(
        "red", [Passage("", images=f"http://pages.example:{server.rpartition(':')[2]}/red")]
    )
    assert ranking.warnings == []
    assert asked == ["pages.example"]


known = socket.getaddrinfo


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"method": "bm25", "allow_urls": True}, "allow_urls is for methods that read images"),
        ({"stages": ["bm25"], "image_folder": "pages"}, "image_folder is for methods that read images"),
        ({"method": "bi-encoder", "model": "m", "images": "read", "image_limits": {"bytes": 0}}, "image_limits"),
        ({"method": "bi-encoder", "model": "m", "images": "read", "image_limits": {"pixel": 1}}, "pixel"),
    ],
)
def test_options_that_say_nothing_are_refused_at_construction(config, says) -> None:
    with pytest.raises(ConfigError, match=says):
        Reranker(config)
