"""No key, header or password appears in any text, whatever a server repeats and wherever it does."""

import base64
import logging
from urllib.parse import quote

import pytest

from swaprank import BackendError, ConfigError, Reranker
from tests.backends.http.fake_server import FakeServer
from tests.backends.http.raw_server import RawServer, response

KEY = 'sk-Very/secret+key"with=marks'


def reranker(url: str, **options) -> Reranker:
    backend = {"type": "http", "api": "tei-rerank", "base_url": url, "retries": 1, "longest_pause": 0.0, **options}
    return Reranker(method="cross-encoder", model="tiny", backend=backend, on_error="keep_order")


@pytest.mark.parametrize("space", ["\n", "\r\n", " ", "\t\n"])
def test_white_space_around_a_key_is_not_part_of_it(space) -> None:
    with FakeServer(key="sk-mounted-secret") as server:
        one = reranker(server.url, api_key=f"sk-mounted-secret{space}")
        assert one.rerank("green tea", ["coffee", "tea"]).order == [1, 0]


@pytest.mark.parametrize("place", ["api_key", "headers"])
@pytest.mark.parametrize("inside", ["\n", "\r", "\t", "\0", "\x1b", "é"])
def test_what_no_header_can_carry_is_refused_without_showing_it(inside, place) -> None:
    bad = f"sk-first{inside}second-half"
    with pytest.raises(ConfigError, match="no header can carry") as refused:
        reranker("http://127.0.0.1:9", **{place: bad if place == "api_key" else {"X-Key": bad}})
    text = str(refused.value) + repr(refused.value.__cause__)
    assert "sk-first" not in text and "second-half" not in text


def test_a_key_in_place_of_a_headers_name_is_not_shown() -> None:
    with pytest.raises(ConfigError, match="a header's name") as refused:
        reranker("http://127.0.0.1:9", headers={f"Authorization: {KEY}": "x"})
    assert KEY not in str(refused.value)


SPELLINGS = [KEY, quote(KEY, safe=""), base64.b64encode(KEY.encode()).decode(), KEY.replace('"', '\\"')]


@pytest.mark.parametrize("said", SPELLINGS)
@pytest.mark.parametrize(
    "reply",
    [
        lambda said: response(said.encode(), "401 Unauthorized"),
        lambda said: response(b"", f"503 {said}"),
        lambda said: response(b"", "302 Found", Location=f"http://elsewhere/?key={said}"),
        lambda said: response(f'{{"unexpected": "{said}"}}'.encode()),
        lambda said: response(f"no JSON {said}".encode()),
        lambda said: response(b"abc", Content_Encoding=said),
        lambda said: lambda: [f"HTTP/9.9 {said}\r\n\r\n".encode()],
    ],
    ids=["body", "reason", "location", "unexpected", "garbage", "encoding", "protocol"],
)
def test_what_a_server_repeats_is_masked_everywhere(reply, said, caplog) -> None:
    with RawServer(reply(said)) as server, caplog.at_level(logging.DEBUG):
        one = reranker(server.url, api_key=KEY, extra_body={"user": "extra-secret"})
        ranking = one.rerank("green tea", ["coffee", "tea"])
        texts = [caplog.text, *(failure.error for failure in ranking.failures), one._stage.ranker.backend.trouble]
        with pytest.raises(BackendError) as failed:
            Reranker({**one._config, "on_error": "raise"}).rerank("green tea", ["coffee", "tea"])
    error: BaseException | None = failed.value
    while error is not None:
        texts += [str(error), repr(error)]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    assert ranking.failures
    assert not [text for text in texts if said in text]


def test_secrets_of_extra_body_and_of_proxies_are_masked(monkeypatch) -> None:
    with RawServer(response(b"you sent extra-secret", "400 Bad")) as server:
        [failure, *_] = (
            reranker(server.url, extra_body={"user": ["extra-secret"]}).rerank("green tea", ["a", "b"]).failures
        )
        assert "you sent ***" in failure.error
    monkeypatch.setenv("HTTP_PROXY", "http://someone:proxy-password@127.0.0.1:9")
    [failure, *_] = reranker("http://example.invalid").rerank("green tea", ["a", "b"]).failures
    assert "proxy-password" not in failure.error


def test_the_environment_is_not_read_where_it_is_not_trusted(monkeypatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    with FakeServer() as server:
        assert reranker(server.url, trust_env=False).rerank("green tea", ["coffee", "tea"]).failures == []
        assert reranker(server.url).rerank("green tea", ["coffee", "tea"]).failures


def test_control_characters_of_a_server_are_escaped() -> None:
    with RawServer(response("\x1b[31mred\u202eder".encode(), "400 B\x1b[2Jad")) as server:
        [failure, *_] = reranker(server.url).rerank("green tea", ["coffee", "tea"]).failures
    assert "\x1b" not in failure.error and "\u202e" not in failure.error
    assert r"\x1b[31mred\u202eder" in failure.error


@pytest.mark.parametrize("url", ["http://user:hunter2@host", "http://us/er:hunter2@host", "http://host/?key=hunter2"])
def test_an_address_with_a_password_is_refused_without_showing_it(url) -> None:
    with pytest.raises(ConfigError, match="put keys into api_key or headers") as refused:
        reranker(url)
    assert "hunter2" not in str(refused.value)
