"""No call of a hosted service exceeds what its documentation allows, and what is split comes back in order."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from swaprank import ConfigError
from swaprank.backends.http.services import SERVICES
from tests.backends.http.hosted_clients import hosted, sign_in, sign_out
from tests.backends.http.hosted_server import HostedServer
from tests.backends.http.hosted_services import DOCUMENTED

QUERY = "green tea leaves from china"
# What hosted services get in one call where neither they nor the config say anything.
USUAL = 100


@pytest.fixture(autouse=True)
def _signed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    sign_out(monkeypatch)


def passages(count: int) -> list[str]:
    """The last is the best, the first the second, the middle the third; all differ."""
    found = [f"number {place}" for place in range(count)]
    found[-1] += " green tea leaves china"
    found[0] += " green tea leaves"
    found[count // 2] += " green tea"
    return found


@pytest.mark.parametrize("name", SERVICES)
def test_one_document_too_many_is_split_off_and_merged(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in(name, monkeypatch)
    service = DOCUMENTED[name]
    most = service.documents or USUAL
    texts = passages(most + 1)
    assert bool(service.excess(QUERY, texts)) == (service.documents is not None)  # the fake server would refuse them
    with HostedServer(service) as server:
        ranking = hosted(name, server.url, batch_size=most, timeout=300).rerank(QUERY, texts)
    assert sorted(len(service.texts(body)[1]) for body in server.bodies) == [1, most]
    assert ranking.order[:3] == [most, 0, (most + 1) // 2]
    assert sorted(ranking.order) == list(range(most + 1))
    assert [passage.passage.content for passage in ranking.passages[:3]] == [
        texts[place] for place in ranking.order[:3]
    ]
    assert sum(call.billed_units for call in ranking.calls) == 2 * service.billed


@pytest.mark.parametrize("name", SERVICES)
def test_a_hundred_go_out_at_a_time_unless_the_config_says_otherwise(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in(name, monkeypatch)
    with HostedServer(DOCUMENTED[name]) as server:
        assert hosted(name, server.url).rerank(QUERY, passages(201)).order[:3] == [200, 0, 100]
    assert sorted(len(DOCUMENTED[name].texts(body)[1]) for body in server.bodies) == [1, USUAL, USUAL]


@pytest.mark.parametrize(
    ("model", "most"), [("bge-reranker-v2-m3", 100), ("cohere-rerank-3.5", 200), ("cohere-rerank-4-fast", 250)]
)
def test_models_of_pinecone_have_limits_and_parameters_of_their_own(
    model: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in("pinecone", monkeypatch)
    body = dict(DOCUMENTED["pinecone"].body)
    if model.startswith("cohere-"):
        del body["parameters"]
    service = replace(DOCUMENTED["pinecone"], model=model, documents=most, body=body)
    with HostedServer(service) as server:
        ranking = hosted("pinecone", server.url, model, batch_size=250).rerank(QUERY, passages(251))
    assert max(len(body["documents"]) for body in server.bodies) == most
    assert ranking.order[:3] == [250, 0, 125]


@pytest.mark.parametrize(
    ("model", "most"), [("rerank-2.5", 600_000), ("rerank-2-lite", 600_000), ("rerank-1", 300_000), ("new", 300_000)]
)
def test_models_of_voyage_take_different_numbers_of_tokens(
    model: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in("voyage", monkeypatch)
    service = replace(DOCUMENTED["voyage"], model=model, tokens=most)
    texts = ["ab " * 60_000 + text for text in passages(11)]
    assert service.excess(QUERY, texts)
    with HostedServer(service) as server:
        ranking = hosted("voyage", server.url, model, timeout=60).rerank(QUERY, texts)
    assert len(server.bodies) == (2 if most == 600_000 else 3)
    assert ranking.order[:3] == [10, 0, 5]


def test_the_tokens_of_a_call_of_contextual_ai_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in("contextual", monkeypatch)
    texts = ["ab " * 60_000 + text for text in passages(7)]
    assert DOCUMENTED["contextual"].excess(QUERY, texts)
    with HostedServer(DOCUMENTED["contextual"]) as server:
        assert hosted("contextual", server.url, timeout=60).rerank(QUERY, texts).order[:3] == [6, 0, 3]
    assert len(server.bodies) == 2


def test_the_bytes_of_a_call_of_zeroentropy_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in("zeroentropy", monkeypatch)
    texts = ["ab " * 300_000 + text for text in passages(6)]
    assert DOCUMENTED["zeroentropy"].excess(QUERY, texts)
    with HostedServer(DOCUMENTED["zeroentropy"]) as server:
        assert hosted("zeroentropy", server.url, timeout=60).rerank(QUERY, texts).order[:3] == [5, 0, 3]
    assert sorted(len(body["documents"]) for body in server.bodies) == [1, 5]


def test_a_passage_over_the_limit_goes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in("zeroentropy", monkeypatch)
    texts = ["coffee", "x" * 6_000_000, "tea"]
    with HostedServer(replace(DOCUMENTED["zeroentropy"], size=None)) as server:
        assert hosted("zeroentropy", server.url, timeout=60).rerank(QUERY, texts).order[0] == 2
    assert [len(body["documents"]) for body in server.bodies] == [1, 1, 1]


def test_a_passage_too_long_for_bedrock_is_cut_and_said_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sign_in("bedrock", monkeypatch)
    texts = ["tea " * 10_000, "green tea " * 10_000, "coffee"]
    with HostedServer(DOCUMENTED["bedrock"]) as server, caplog.at_level(logging.WARNING, "swaprank"):
        assert hosted("bedrock", server.url).rerank(QUERY, texts).order == [1, 0, 2]
    assert [len(text) for text in DOCUMENTED["bedrock"].texts(server.bodies[0])[1]] == [32_000, 32_000, 6]
    assert [record.message for record in caplog.records] == [
        "Amazon Bedrock takes at most 32000 characters of a passage; longer ones are cut."
    ]


@pytest.mark.parametrize(("model", "words", "warned"), [("rerank-2.5", 2_000, 0), ("rerank-lite-1", 2_000, 1)])
def test_a_query_that_is_cut_is_said_so_once(
    model: str, words: int, warned: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sign_in("voyage", monkeypatch)
    with HostedServer(DOCUMENTED["voyage"]) as server, caplog.at_level(logging.WARNING, "swaprank"):
        reranker = hosted("voyage", server.url, model)
        for _ in range(2):
            reranker.rerank("green tea " * words, ["coffee", "green tea"])
    assert [record.message for record in caplog.records] == warned * [
        "Voyage AI reads at most 1000 tokens of a query with rerank-lite-1, and one is longer."
    ]


@pytest.mark.parametrize("name", SERVICES)
def test_passages_without_text_are_not_sent(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in(name, monkeypatch)
    with HostedServer(DOCUMENTED[name]) as server:
        reranker = hosted(name, server.url)
        assert reranker.rerank(QUERY, ["", "coffee", " \n", "green tea"]).order == [3, 1, 0, 2]
        assert reranker.rerank(QUERY, ["", " "]).order == [0, 1]
    assert [DOCUMENTED[name].texts(body)[1] for body in server.bodies] == [["coffee", "green tea"]]


@pytest.mark.parametrize(("name", "most"), [("vertex", 200), ("pinecone", 250), ("cohere", 10_000)])
def test_more_documents_than_any_call_may_have_are_refused(name: str, most: int) -> None:
    with pytest.raises(ConfigError, match=f"{SERVICES[name].title} takes at most {most} documents in one call"):
        hosted(name, "http://localhost", api_key="k", batch_size=most + 1)
