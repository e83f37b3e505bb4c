"""Clients of other rerank services work against the server: Cohere's own, and the http backend in every dialect."""

import cohere
import pytest

from swaprank import Reranker
from tests.server.running import served

httpx = pytest.importorskip("httpx")

PASSAGES = ["coffee beans", "tea leaves that are green", "", "green tea, green tea"]
QUERY = "green tea"


@pytest.fixture(scope="module")
def address():
    with served({"embedded": "embedded", "lexical": {"method": "bm25"}}) as url:
        yield url


@pytest.fixture(scope="module")
def expected():
    return Reranker("embedded").rerank(QUERY, PASSAGES).order


def post(url, path, **body):
    return httpx.post(url + path, json=body)


@pytest.mark.parametrize(
    ("client", "limit"), [(cohere.ClientV2, "max_tokens_per_doc"), (cohere.Client, "max_chunks_per_doc")]
)
def test_coheres_clients(address, expected, client, limit) -> None:
    done = client(api_key="none", base_url=address).rerank(
        model="embedded", query=QUERY, documents=PASSAGES, top_n=3, **{limit: 10}
    )
    assert [one.index for one in done.results] == expected[:3]
    assert done.meta.tokens.input_tokens > 0
    assert f"{limit} has no effect" in done.meta.warnings[0]


@pytest.mark.parametrize("api", ["cohere-rerank", "jina-rerank", "tei-rerank"])
def test_the_http_backend_in_every_dialect(address, expected, api) -> None:
    config = {
        "method": "cross-encoder",
        "model": "embedded",
        "backend": {"type": "http", "api": api, "base_url": address, "scores": "logit"},
    }
    ranking = Reranker(config).rerank(QUERY, PASSAGES)
    assert ranking.order == expected
    [call] = ranking.calls
    assert call.requests == 1
    assert (call.input_tokens > 0) == (call.billed_units > 0) == (api != "tei-rerank")


def test_the_model_of_a_request_and_its_default(address) -> None:
    for model, used in ((None, "embedded"), ("lexical", "lexical")):
        reply = post(address, "/v1/rerank", query=QUERY, documents=PASSAGES, model=model).json()
        assert reply["model"] == used
        direct = Reranker("bm25" if used == "lexical" else "embedded").rerank(QUERY, PASSAGES)
        assert [one["index"] for one in reply["results"]] == direct.order
    assert [one["id"] for one in httpx.get(f"{address}/v1/models").json()["data"]] == ["embedded", "lexical"]
    assert httpx.get(f"{address}/health").json()["models"] == ["embedded", "lexical"]
    assert httpx.get(f"{address}/info").json()["model_id"] == "embedded"


def test_documents_as_objects_and_texts_back(address) -> None:
    documents = [{"text": "coffee"}, {"title": "Green", "text": "tea", "url": "x"}]
    reply = post(address, "/v2/rerank", query=QUERY, documents=documents, return_documents=True).json()
    assert [one["document"] for one in reply["results"]] == [{"text": "tea"}, {"text": "coffee"}]
    reply = post(address, "/rerank", query=QUERY, texts=["coffee", "green tea"], return_text=True).json()
    assert [one["text"] for one in reply] == ["green tea", "coffee"]


def test_no_documents_is_no_error(address) -> None:
    assert post(address, "/v2/rerank", query=QUERY, documents=[]).json()["results"] == []
    assert post(address, "/rerank", query=QUERY, texts=[]).json() == []


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/v2/rerank", b"{", 422, "not JSON"),
        ("/v2/rerank", b"[" * 100_000, 422, "not JSON: RecursionError"),
        ("/v2/rerank", b'{"query": "a", "documents": ["b"], "top_n": NaN}', 422, "not JSON"),
        ("/v2/rerank", b'{"query": "a"}', 422, "documents is wrong"),
        ("/v2/rerank", b'{"query": "a", "documents": ["b", {"image": "x"}]}', 422, "documents.1"),
        ("/v2/rerank", b'{"query": "a", "documents": ["b"], "top_n": 0}', 422, "top_n"),
        ("/v2/rerank", b'{"query": "a", "documents": ["b"], "rank_fields": ["x"]}', 422, "rank_fields"),
        ("/v2/rerank", b'{"query": "a", "documents": ["b"], "instruction": "c"}', 422, "takes no instruction"),
        ("/v2/rerank", b'{"query": " ", "documents": ["b"]}', 422, "query"),
        ("/v2/rerank", b'{"query": "a", "documents": ["b"], "model": "lexica"}', 404, "Did you mean 'lexical'"),
        ("/rerank", b'{"query": "a", "texts": [1]}', 422, "texts.0"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(address, path, body, status, said) -> None:
    reply = httpx.post(address + path, content=body)
    assert reply.status_code == status
    assert said in reply.json()["error" if path == "/rerank" else "message"]


def test_prometheus_reads_what_was_done(address) -> None:
    post(address, "/v2/rerank", query=QUERY, documents=PASSAGES, model="lexical")
    text = httpx.get(f"{address}/metrics").text
    assert 'swaprank_requests_total{model="lexical",path="/v2/rerank",status="200"}' in text
    assert 'swaprank_request_seconds_bucket{le="0.1",model="lexical"}' in text
    assert "swaprank_requests_in_progress 0.0" in text
