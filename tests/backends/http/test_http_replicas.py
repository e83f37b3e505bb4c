"""Replicas take turns and rest, and a forked child makes connections of its own."""

from __future__ import annotations

import multiprocessing

import pytest

from swaprank import Reranker
from swaprank.backends.http.replicas import Replicas


def test_replicas_take_turns_and_rest() -> None:
    now = [0.0]
    replicas = Replicas(["a", "b", "c"], clock=lambda: now[0])

    def taken() -> str:
        with replicas.one() as url:
            return url

    assert [taken() for _ in range(4)] == ["a", "b", "c", "a"]
    with replicas.one() as busy:
        assert busy not in [taken() for _ in range(4)]
    replicas.rest("b", 5, "b is out.")
    assert "b" not in [taken() for _ in range(4)]
    assert replicas.spare
    replicas.rest("a", 9, "a is out.")
    replicas.rest("c", 7, "c is out.")
    assert not replicas.spare
    # All rest: the one that wakes first is tried.
    assert taken() == "b"
    now[0] = 8.0
    assert taken() in ("b", "c")
    replicas.well("a")
    assert replicas.trouble == "b is out. c is out."
    assert {taken() for _ in range(3)} == {"a", "b", "c"}


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_makes_connections_of_its_own() -> None:
    from tests.backends.http.fake_server import FakeServer

    context = multiprocessing.get_context("fork")
    with FakeServer() as server:
        backend = {"type": "http", "api": "tei-rerank", "base_url": server.url}
        one = Reranker(method="cross-encoder", model="tiny", backend=backend)
        here = one.rerank("green tea", ["coffee", "tea"]).order
        order = context.SimpleQueue()
        child = context.Process(target=lambda: order.put(one.rerank("green tea", ["coffee", "tea"]).order))
        child.start()
        child.join(30)
        assert child.exitcode == 0
        assert order.get() == here == [1, 0]
    assert server.connections == 2
