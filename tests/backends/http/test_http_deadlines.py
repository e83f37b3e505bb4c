"""The timeout and the retries of a stage together with those of a server backend."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from swaprank import Reranker
from swaprank.backends.http.backend import HttpBackend
from swaprank.backends.http.options import HttpOptions
from swaprank.errors import BackendError, BackendTimeoutError
from swaprank.stages import retry_policy
from tests.backends.http.fake_server import HANG, FakeServer, Fault

QUERY = "green tea"
PASSAGES = ["coffee", "tea leaves that are green", "green"]


@pytest.fixture(autouse=True, scope="module")
def imported() -> None:
    """What the first request imports takes longer than the deadlines here."""
    with FakeServer() as server:
        reranker(server, stage={}).rerank(QUERY, PASSAGES)


def reranker(*servers: FakeServer, stage: dict[str, Any], **options: Any) -> Reranker:
    backend = {"type": "http", "api": "tei-rerank", "base_urls": [one.url for one in servers], **options}
    return Reranker(method="cross-encoder", model="tiny", backend=backend, **stage)


async def rerank(one: Reranker, *, native: bool) -> list[int]:
    found = await (one.arerank(QUERY, PASSAGES) if native else asyncio.to_thread(one.rerank, QUERY, PASSAGES))
    return found.order


@pytest.mark.parametrize("native", [False, True], ids=["sync", "async"])
async def test_the_error_of_a_timeout_names_the_server_and_what_it_said_before(native: bool) -> None:
    with FakeServer(forever=Fault.of(503)) as server:
        one = reranker(server, stage={"timeout": 2.0}, longest_pause=60.0, retries=9)
        with pytest.raises(BackendTimeoutError, match="503 Service Unavailable") as caught:
            await rerank(one, native=native)
    assert server.url in str(caught.value)
    assert "larger timeout" in caught.value.hint


@pytest.mark.parametrize("native", [False, True], ids=["sync", "async"])
async def test_the_error_of_a_server_that_hangs_names_it(native: bool) -> None:
    with FakeServer(forever=HANG) as server:
        with pytest.raises(BackendTimeoutError) as caught:
            await rerank(reranker(server, stage={"timeout": 1.0}), native=native)
        assert server.url in str(caught.value)


@pytest.mark.parametrize("native", [False, True], ids=["sync", "async"])
async def test_a_replica_that_holds_queries_to_their_deadline_rests(native: bool) -> None:
    with FakeServer(forever=HANG) as silent, FakeServer() as well:
        one = reranker(silent, well, stage={"timeout": 1.0, "on_error": "keep_order"}, cooldown=60)
        for _ in range(4):
            await rerank(one, native=native)
    assert len(silent.requests) == 1
    assert len(well.requests) >= 3


@pytest.mark.parametrize("native", [False, True], ids=["sync", "async"])
async def test_what_nobody_waits_for_makes_room(native: bool) -> None:
    with FakeServer(faults=(HANG, HANG)) as server:
        backend = HttpBackend("tiny", HttpOptions(api="tei-rerank", base_url=server.url, max_concurrency=1))
        impatient = Reranker(method="cross-encoder", model="tiny", backend=backend, timeout=1.0)
        for _ in range(2):
            with pytest.raises(BackendTimeoutError):
                await rerank(impatient, native=native)
        patient = Reranker(method="cross-encoder", model="tiny", backend=backend, timeout=60)
        assert await rerank(patient, native=native) == [1, 2, 0]


@pytest.mark.parametrize(("stage", "server", "asked"), [(2, 3, 4), (0, 3, 4), (2, 0, 3), (4, 1, 6)])
def test_retries_add_up_and_never_multiply(monkeypatch, stage: int, server: int, asked: int) -> None:
    monkeypatch.setattr(retry_policy, "_FIRST_PAUSE", 0.001)
    with FakeServer(forever=Fault.of(500)) as ill, pytest.raises(BackendError, match="500"):
        reranker(ill, stage={"retries": stage}, retries=server, longest_pause=0.001).rerank(QUERY, PASSAGES)
    assert len(ill.requests) == asked


def test_a_repetition_that_helps_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with FakeServer(faults=(Fault.of(500),)) as server, caplog.at_level(logging.WARNING, "swaprank"):
        reranker(server, stage={}, longest_pause=0.001).rerank(QUERY, PASSAGES)
        assert f"{server.url} answered 500" in caplog.text
