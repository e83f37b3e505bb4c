"""Answers of servers that are no errors, and still not what was asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from swaprank import Reranker
from swaprank.backends.http.backend import HttpBackend
from swaprank.backends.http.options import HttpOptions
from swaprank.errors import ConfigError, ResponseError
from swaprank.prompt import user
from swaprank.requests import Generate
from tests.backends.http.fake_server import FakeServer, Fault

PASSAGES = ["coffee", "tea leaves that are green", "green"]
KEY = "sk-very-secret"


def ranked(body: str, *, api: str = "cohere-rerank", method: str = "cross-encoder", **options: Any) -> list[int]:
    with FakeServer(forever=Fault("success", body=body)) as server:
        backend = {"type": "http", "api": api, "base_url": server.url, "retries": 0, **options}
        try:
            return Reranker(method=method, model="tiny", backend=backend).rerank("green tea", PASSAGES).order
        except ResponseError as error:
            assert server.url in str(error)
            assert error.hint
            raise


def results(*indexes: Any, score: Any = 0.5) -> str:
    return json.dumps({"results": [{"index": index, "relevance_score": score} for index in indexes]})


BODIES = {
    "null": "null",
    "text": '"fine"',
    "other": '{"a": 1}',
    "no rows": '{"results": null}',
    "no index": '{"results": [{"relevance_score": 1}]}',
    "double index": results(0, 1, 1),
    "one more": results(0, 1, 2, 2),
    "negative index": results(0, 1, -1),
    "index between": results(0.2, 1.2, 2.2),
    "endless index": results(0, 1, 2).replace("2", "1e999", 1),
    "text as score": results(0, 1, 2, score="0.5"),
    "score of null": results(0, 1, 2, score=None),
    "endless score": results(0, 1, 2, score=float("inf")),
    "number without end": results(0, 1, 2, score=10**400),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_what_is_no_list_of_scores_is_an_error_that_names_the_server(body: str) -> None:
    with pytest.raises(ResponseError):
        ranked(body)


def test_the_order_of_the_rows_says_nothing() -> None:
    rows = [{"index": index, "relevance_score": score} for index, score in ((2, 0.1), (0, 0.9), (1, 0.5))]
    assert ranked(json.dumps({"results": rows})) == [0, 1, 2]


def test_embeddings_are_counted_row_by_row() -> None:
    rows = [{"index": place, "embedding": [1.0, float(place)]} for place in (0, 1, 2, 3, 3)]
    with pytest.raises(ResponseError, match="5 embeddings for 4 texts"):
        ranked(json.dumps({"data": rows}), api="openai-embeddings", method="bi-encoder")


@pytest.mark.parametrize("content", [7, ["a"], {"text": "a"}])
@pytest.mark.parametrize("api", ["openai-chat", "openai-completions"])
def test_what_was_written_is_text(api: str, content: Any) -> None:
    said = {"choices": [{"message": {"content": content}, "text": content}]}
    with FakeServer(forever=Fault("success", body=json.dumps(said))) as server:
        backend = HttpBackend("tiny", HttpOptions(api=api, base_url=server.url))
        [answer] = backend.run([Generate("a" if api == "openai-completions" else user("a"), 4)])
    assert isinstance(answer, ResponseError)
    assert "is not text" in str(answer)


def test_nothing_written_is_an_empty_text() -> None:
    with FakeServer(forever=Fault("success", body='{"choices": [{"text": null}]}')) as server:
        [answer] = HttpBackend("tiny", HttpOptions(api="openai-completions", base_url=server.url)).run(
            [Generate("a", 4)]
        )
    assert answer.text == ""


@pytest.mark.parametrize("body", [KEY, f'{{"a": "{KEY}"}}', results(0, 1, 2, score=KEY)])
def test_a_key_in_a_wrong_answer_is_not_repeated(body: str) -> None:
    with pytest.raises(ResponseError) as caught:
        ranked(body, api_key=KEY)
    assert KEY not in str(caught.value)
    assert "***" in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"base_url": f"http://me:{KEY}@host"},
        {"base_url": f"http://host/?key={KEY}"},
        {"api_key": KEY, "server": "vllm"},
        {"headers": {"X-Key": [KEY]}},
        {"api_key": KEY, "api": None},
    ],
)
def test_a_key_in_a_wrong_config_is_not_repeated(options: dict[str, Any]) -> None:
    backend = {"type": "http", "api": "cohere-rerank", **options}
    backend = {key: value for key, value in backend.items() if value is not None}
    with pytest.raises(ConfigError) as caught:
        Reranker(method="cross-encoder", model="tiny", backend=backend)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("url", ["http://:80", "http://host:port", "http://host:99999", "localhost:8000", "ftp://host"])
def test_an_address_that_leads_nowhere_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="base_url"):
        Reranker(method="cross-encoder", model="m", backend={"type": "http", "api": "tei-rerank", "base_url": url})
