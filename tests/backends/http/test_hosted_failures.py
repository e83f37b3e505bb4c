"""A hosted service that refuses or is busy: the error names it, says what it answered and what to do, and shows no key."""

from __future__ import annotations

import logging
import traceback

import pytest

from swaprank import BackendError
from swaprank.backends.http.services import SERVICES
from tests.backends.http.hosted_clients import hosted, sign_in, sign_out
from tests.backends.http.hosted_server import HostedServer
from tests.backends.http.hosted_services import DOCUMENTED

QUERY, PASSAGES, RANKED = "green tea", ["coffee", "tea leaves that are green", "green"], [1, 2, 0]
SECRET = "very-secret-key-of-a-customer"


@pytest.fixture(autouse=True)
def _signed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    sign_out(monkeypatch)


@pytest.mark.parametrize("name", SERVICES)
def test_a_wrong_key_is_told_with_the_service_the_status_and_where_keys_come_from(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sign_in(name, monkeypatch, SECRET)
    with (
        HostedServer(DOCUMENTED[name]) as server,
        caplog.at_level(logging.DEBUG),
        pytest.raises(BackendError) as caught,
    ):
        hosted(name, server.url, retries=2).rerank(QUERY, PASSAGES)
    message = str(caught.value)
    assert f"{SERVICES[name].title} (" in message
    assert "answered 401 Unauthorized" in message
    assert "invalid api token" in message
    assert all(key in message for key in SERVICES[name].keys[:1]) and SERVICES[name].credentials in message
    assert len(server.bodies) == 1, "a key does not get better by being sent again"
    shown = "".join(traceback.format_exception(caught.value)) + caplog.text + repr(caught.value)
    # Of AWS credentials, what is sent is the public name of the key, and a signature.
    assert (f"secret of {SECRET}" if name == "bedrock" else SECRET) not in shown


@pytest.mark.parametrize("wait", [{"Retry-After": "0.2"}, {"Retry-After-Ms": "200", "Retry-After": "9"}])
@pytest.mark.parametrize("name", SERVICES)
def test_a_busy_service_is_asked_again_after_the_time_it_wants(
    name: str, wait: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sign_in(name, monkeypatch)
    with HostedServer(DOCUMENTED[name], busy=1, wait=wait) as server, caplog.at_level(logging.WARNING):
        assert hosted(name, server.url, retries=1).rerank(QUERY, PASSAGES).order == RANKED
    first, second = server.times
    assert 0.2 <= second - first < 5
    assert f"{SERVICES[name].title} (" in caplog.text and "429" in caplog.text and "Asking again" in caplog.text


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_that_stays_busy_is_told_with_the_time_it_wants(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in(name, monkeypatch)
    with (
        HostedServer(DOCUMENTED[name], busy=9, wait={"Retry-After": "0.1"}) as server,
        pytest.raises(BackendError) as caught,
    ):
        hosted(name, server.url, retries=1).rerank(QUERY, PASSAGES)
    assert f"{SERVICES[name].title} (" in str(caught.value)
    assert "429" in str(caught.value) and "It asks to wait 0.1 s." in str(caught.value)
    assert len(server.bodies) == 2
