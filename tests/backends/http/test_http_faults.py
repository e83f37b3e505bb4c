"""The http backend against a server that fails in every way it is told to."""

from __future__ import annotations

import asyncio
import pickle
import threading
from typing import Any

import pytest

from swaprank import BackendError, Ranking, Reranker
from swaprank.backends.http import backend as http
from swaprank.backends.http.backend import HttpBackend
from swaprank.backends.http.options import HttpOptions
from swaprank.errors import PromptTooLongError, ResponseError
from swaprank.requests import Embed, PairScore
from tests.backends.http.fake_server import CUT, GARBAGE, HANG, NAN, SHORT, FakeServer, Fault

QUERY = "green tea"
PASSAGES = ["coffee", "tea leaves that are green", "green"]
RANKED = [1, 2, 0]
KEY = "sk-very-secret"

# The fault, the status or words that the error must tell, and whether it may pass.
FAULTS = {
    "429": (Fault.of(429, retry_after="0.01"), "429 Too Many Requests"),
    "500": (Fault.of(500), "500 Internal Server Error"),
    "503": (Fault.of(503), "503 Service Unavailable"),
    "hang": (HANG, "did not answer /rerank within 0.2 s"),
    "cut": (CUT, "cut the connection"),
    "garbage": (GARBAGE, "what is not JSON"),
    "wrong-length": (SHORT, "2 scores for 3 passages"),
    "nan": (NAN, "not a finite number"),
    "401": (Fault.of(401), "401 Unauthorized"),
    "400": (Fault.of(400), "400 Bad Request"),
}
PASSING = ("429", "500", "503", "hang", "cut", "garbage")
LASTING = [name for name in FAULTS if name not in PASSING]


def backend(*servers: FakeServer | str, api: str = "tei-rerank", **options: Any) -> dict[str, Any]:
    urls = [one if isinstance(one, str) else one.url for one in servers]
    return {
        "type": "http",
        "api": api,
        "base_urls": urls,
        "timeout": 30.0,
        "longest_pause": 0.02,
        "cooldown": 0.0,
        "retries": 2,
        **options,
    }


def reranker(*servers: FakeServer | str, on_error: Any = "raise", **options: Any) -> Reranker:
    return Reranker(method="cross-encoder", model="tiny", on_error=on_error, backend=backend(*servers, **options))


def patience(name: str) -> float:
    return 0.2 if name == "hang" else 30.0


async def ranked(one: Reranker, *, native: bool) -> Ranking:
    return await one.arerank(QUERY, PASSAGES) if native else await asyncio.to_thread(one.rerank, QUERY, PASSAGES)


@pytest.mark.parametrize("native", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("name", FAULTS)
async def test_a_lasting_fault_is_raised_with_the_server_and_what_it_said(name: str, native: bool) -> None:
    fault, said = FAULTS[name]
    with FakeServer(forever=fault) as server, pytest.raises(BackendError) as caught:
        await ranked(reranker(server, timeout=patience(name)), native=native)
    assert server.url in str(caught.value)
    assert said in str(caught.value)
    assert caught.value.retryable == (name in PASSING)
    assert caught.value.hint
    assert len(server.requests) == (3 if name in PASSING else 1)


@pytest.mark.parametrize("native", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("name", FAULTS)
async def test_keep_order_gives_every_passage_back_and_says_why(name: str, native: bool) -> None:
    fault, said = FAULTS[name]
    with FakeServer(forever=fault) as server:
        ranking = await ranked(
            reranker(server, on_error="keep_order", retries=0, timeout=patience(name)), native=native
        )
    assert ranking.order == [0, 1, 2]
    [failure] = ranking.failures
    assert failure.action == "keep_order"
    assert server.url in failure.error
    assert said in failure.error


@pytest.mark.parametrize("name", PASSING)
def test_a_passing_fault_costs_nothing_but_a_retry(name: str) -> None:
    fault, _ = FAULTS[name]
    with FakeServer(faults=(fault,)) as server:
        ranking = reranker(server, timeout=1.0 if fault is HANG else 30.0).rerank(QUERY, PASSAGES)
    assert ranking.order == RANKED
    assert ranking.failures == []


@pytest.mark.parametrize("name", LASTING)
def test_what_would_come_again_is_not_asked_again(name: str) -> None:
    fault, _ = FAULTS[name]
    with FakeServer(faults=(fault,)) as server, pytest.raises(BackendError):
        reranker(server).rerank(QUERY, PASSAGES)
    assert len(server.requests) == 1


def test_garbage_and_wrong_numbers_are_response_errors() -> None:
    for fault in (GARBAGE, SHORT, NAN):
        with FakeServer(forever=fault) as server, pytest.raises(ResponseError):
            reranker(server, retries=0).rerank(QUERY, PASSAGES)


@pytest.mark.parametrize("api", ["vllm-rerank", "jina-rerank", "cohere-rerank", "tei-rerank"])
@pytest.mark.parametrize("fault", [SHORT, NAN], ids=["wrong-length", "nan"])
def test_every_rerank_api_counts_its_answers(api: str, fault: Fault) -> None:
    with FakeServer(forever=fault) as server, pytest.raises(ResponseError, match=r"passages|not a finite number"):
        reranker(server, api=api).rerank(QUERY, PASSAGES)


@pytest.mark.parametrize("api", ["openai-embeddings", "tei-embed"])
@pytest.mark.parametrize("fault", [SHORT, NAN], ids=["wrong-length", "nan"])
def test_every_embedding_api_counts_its_answers(api: str, fault: Fault) -> None:
    with FakeServer(forever=fault) as server, pytest.raises(ResponseError, match=r"embeddings|not a finite number"):
        Reranker(method="bi-encoder", model="tiny", backend=backend(server, api=api)).rerank(QUERY, PASSAGES)


@pytest.mark.parametrize("native", [False, True], ids=["sync", "async"])
async def test_a_server_killed_amid_a_run(native: bool) -> None:
    with FakeServer(forever=HANG) as server:
        one = reranker(server, on_error="keep_order", retries=1)
        waiting = asyncio.create_task(ranked(one, native=native))
        while not server.requests:
            await asyncio.sleep(0.005)
        await asyncio.to_thread(server.kill)
        ranking = await waiting
    assert ranking.order == [0, 1, 2]
    assert "cannot be reached" in ranking.failures[0].error or "cut the connection" in ranking.failures[0].error


def test_a_failing_call_costs_only_its_own_requests() -> None:
    requests = [PairScore(QUERY, passage) for passage in PASSAGES]
    with FakeServer(faults=(Fault.of(400),)) as server:
        options = HttpOptions(api="tei-rerank", base_url=server.url, batch_size=1, max_concurrency=1)
        answers = HttpBackend("", options).run(requests)
    assert [isinstance(answer, BackendError) for answer in answers].count(True) == 1


def test_a_longer_wait_than_allowed_is_given_up_at_once() -> None:
    fault = Fault.of(429, retry_after="3600")
    with FakeServer(forever=fault) as server, pytest.raises(BackendError, match=r"429.*asks to wait 3600 s"):
        reranker(server, cooldown=10).rerank(QUERY, PASSAGES)
    assert len(server.requests) == 1


@pytest.mark.parametrize("date", ["Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 99999999999 07:28:00 GMT", "0", "soon"])
def test_a_date_to_wait_for_is_understood_or_overlooked(date: str) -> None:
    fault = Fault.of(503, retry_after=date)
    with FakeServer(faults=(fault,)) as server:
        assert reranker(server).rerank(QUERY, PASSAGES).order == RANKED


def test_a_prompt_too_long_for_the_server_is_told_apart() -> None:
    fault = Fault.of(400, body="This model's maximum context length is 512 tokens.")
    with FakeServer(forever=fault) as server, pytest.raises(PromptTooLongError, match="512"):
        reranker(server).rerank(QUERY, PASSAGES)


def test_another_replica_takes_over() -> None:
    with FakeServer(forever=Fault.of(500)) as ill, FakeServer() as well:
        one = reranker(ill, well, cooldown=60)
        for _ in range(4):
            assert one.rerank(QUERY, PASSAGES).order == RANKED
    # The ill one rests after its first failure.
    assert len(ill.requests) == 1


def test_a_replica_that_is_gone_is_left_out() -> None:
    with FakeServer() as gone, FakeServer() as well:
        gone.kill()
        assert reranker(gone, well, cooldown=60).rerank(QUERY, PASSAGES).order == RANKED


def test_replicas_share_the_work() -> None:
    with FakeServer() as first, FakeServer() as second:
        reranker(first, second, batch_size=1).rerank(QUERY, PASSAGES * 4)
    # Equal passages are asked about once.
    assert len(first.requests) + len(second.requests) == 3
    assert first.requests
    assert second.requests


def test_a_redirect_is_not_followed() -> None:
    with FakeServer(forever=Fault.of(307)) as server, pytest.raises(BackendError, match="is base_url complete"):
        reranker(server).rerank(QUERY, PASSAGES)


async def test_a_cancelled_call_ends_and_leaves_the_backend_usable() -> None:
    with FakeServer(faults=(HANG,)) as server:
        one = reranker(server)
        waiting = asyncio.create_task(one.arerank(QUERY, PASSAGES))
        while not server.requests:
            await asyncio.sleep(0.005)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (await one.arerank(QUERY, PASSAGES)).order == RANKED


def test_the_key_is_told_to_nobody_else(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_KEY", KEY)
    caplog.set_level("DEBUG")
    with FakeServer(key="another") as server:
        for value in (KEY, "${FAKE_KEY}"):
            secrets = {"api_key": value, "headers": {"X-Other-Key": value}}
            one = reranker(server, on_error="keep_order", **secrets)
            ranking = one.rerank(QUERY, PASSAGES)
            seen = f"{one!r} {one.to_config()} {one._stage!r} {ranking} {caplog.text}"
            assert KEY not in seen
            # The server repeats the key it was given.
            assert "401" in ranking.failures[0].error
            assert "Incorrect API key provided: Bearer ***" in ranking.failures[0].error
        assert {headers["X-Other-Key"] for headers in server.headers} == {KEY}
        assert one.to_config()["backend"]["api_key"] == "${FAKE_KEY}"
        assert one.to_config()["backend"]["headers"] == {"X-Other-Key": "${FAKE_KEY}"}


def test_the_right_key_opens() -> None:
    with FakeServer(key=KEY) as server:
        assert reranker(server, api_key=KEY).rerank(QUERY, PASSAGES).order == RANKED


def test_no_more_requests_at_a_time_than_allowed() -> None:
    with FakeServer(seconds=0.01) as server:
        options = HttpOptions(api="tei-embed", base_url=server.url, batch_size=1, max_concurrency=3)
        HttpBackend("", options).run([Embed(f"text {number}", "passage") for number in range(12)])
    assert server.most_at_once == 3
    assert len(server.requests) == 12


def test_connections_are_used_again_by_synchronous_callers_of_any_thread() -> None:
    with FakeServer() as server:
        one = reranker(server)
        for _ in range(3):
            one.rerank(QUERY, PASSAGES)
        for _ in range(3):
            thread = threading.Thread(target=one.rerank, args=(QUERY, PASSAGES))
            thread.start()
            thread.join()
    assert server.connections == 1
    assert len(server.requests) == 6


async def test_connections_are_used_again_within_a_loop() -> None:
    with FakeServer() as server:
        one = reranker(server)
        for _ in range(4):
            await one.arerank(QUERY, PASSAGES)
    assert server.connections == 1


def test_every_loop_has_connections_of_its_own() -> None:
    with FakeServer() as server:
        one = reranker(server)
        for _ in range(3):
            assert asyncio.run(one.arerank(QUERY, PASSAGES)).order == RANKED
    assert server.connections == 3


async def test_what_takes_time_to_import_is_not_imported_by_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx

    threads: set[int] = set()

    def noted(name: str, of: Any) -> None:
        real = getattr(of, name)
        monkeypatch.setattr(
            of, name, lambda *given, **more: (threads.add(threading.get_ident()), real(*given, **more))[1]
        )

    noted("_make_endpoint", http)
    noted("AsyncClient", httpx)
    with FakeServer() as server:
        assert (await reranker(server).arerank(QUERY, PASSAGES)).order == RANKED
    assert threads
    assert threading.get_ident() not in threads


def test_pickles_travel_without_connections() -> None:
    with FakeServer(key=KEY) as server:
        one = reranker(server, api_key=KEY)
        one.rerank(QUERY, PASSAGES)
        assert pickle.loads(pickle.dumps(one)).rerank(QUERY, PASSAGES).order == RANKED
