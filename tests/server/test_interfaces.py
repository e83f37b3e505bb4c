"""Clients of other rerank services work against the server: Cohere's own, and the http backend in every dialect."""

import cohere
import pytest
from prometheus_client.parser import text_string_to_metric_families

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


@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank", "/rerank"])
def test_half_of_a_surrogate_pair_goes_back_as_it_came(address, path) -> None:
    body = b'{"query": "tea", "%s": ["tea \\ud800"], "return_documents": true, "return_text": true}'
    reply = httpx.post(address + path, content=body % (b"texts" if path == "/rerank" else b"documents"))
    assert reply.status_code == 200
    assert b'"tea \\ud800"' in reply.content


@pytest.mark.parametrize("asked", [{"top_k": 2}, {"top_k": None, "truncation": True}])
def test_voyages_words(address, expected, asked) -> None:
    body = {"query": QUERY, "documents": PASSAGES, "model": "embedded", "return_documents": True}
    reply = post(address, "/v1/rerank", **body, **asked).json()
    assert [one["index"] for one in reply["data"]] == expected[: asked["top_k"]]
    assert [one["document"] for one in reply["data"]] == [PASSAGES[one] for one in expected[: asked["top_k"]]]
    assert "results" not in reply


def test_vllms_words_at_the_path_of_text_embeddings_inference(address, expected) -> None:
    reply = post(address, "/rerank", query=QUERY, documents=PASSAGES, model="embedded", top_n=2).json()
    assert [one["index"] for one in reply["results"]] == expected[:2]


def test_a_request_may_want_more_than_the_config_keeps_and_tei_wants_all() -> None:
    with served({"short": {"method": "bm25", "top_n": 1}}) as url:
        for top_n, kept in ((None, 1), (3, 3), (10**9, 4)):
            reply = post(url, "/v2/rerank", query=QUERY, documents=PASSAGES, top_n=top_n).json()
            assert len(reply["results"]) == kept
        assert {one["index"] for one in post(url, "/rerank", query=QUERY, texts=PASSAGES).json()} == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("path", "keys"),
    [("/v1/rerank", {"message", "detail"}), ("/v2/rerank", {"message"}), ("/rerank", {"error", "detail"})],
)
def test_an_error_has_the_keys_that_clients_of_its_path_read(address, path, keys) -> None:
    reply = post(address, path, query=QUERY)
    assert reply.json().keys() == keys | {"error_type"}
    assert len({reply.json()[key] for key in keys}) == 1


@pytest.mark.parametrize(("verb", "path", "status"), [("POST", "/v2/v2/rerank", 404), ("GET", "/v1/rerank", 405)])
def test_a_path_that_there_is_not_is_told_which_there_are(address, verb, path, status) -> None:
    reply = httpx.request(verb, address + path)
    assert reply.status_code == status
    assert f"{verb} {path}. POST to /v1/rerank, /v2/rerank, /rerank." in reply.json()["detail"]


def test_no_documents_is_no_error(address) -> None:
    assert post(address, "/v2/rerank", query=QUERY, documents=[]).json()["results"] == []
    assert post(address, "/rerank", query=QUERY, texts=[]).json() == []


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/v2/rerank", b"{", 422, "not JSON"),
        ("/v2/rerank", b"[" * 100_000, 422, "nested too deeply"),
        ("/v2/rerank", b'{"query": "a", "documents": ["b"], "top_n": NaN}', 422, "not JSON: it holds NaN"),
        ("/v2/rerank", b'{"query": "a", "top_n": ' + b"9" * 5000 + b"}", 422, "too many digits"),
        ("/v2/rerank", b'{"query": "\xff"}', 422, "not UTF-8"),
        ("/v2/rerank", b"[]", 422, "no object. Send"),
        ("/v2/rerank", b'{"query": "a"}', 422, "documents is wrong"),
        (
            "/v2/rerank",
            b'{"query": "a", "documents": ["b", {"image": "x"}]}',
            422,
            "documents.1 is wrong: Give a string, or",
        ),
        ("/v2/rerank", b'{"query": "a", "documents": ["b"], "top_n": 0}', 422, "top_n"),
        ("/v2/rerank", b'{"query": "a", "documents": ["b"], "rank_fields": ["x"]}', 422, "rank_fields"),
        ("/v2/rerank", b'{"query": "a", "documents": ["b"], "instruction": "c"}', 422, "takes no instruction"),
        ("/v2/rerank", b'{"query": " ", "documents": ["b"]}', 422, "query"),
        ("/v2/rerank", b'{"query": "a", "documents": ["b"], "model": "lexica"}', 404, "Served: embedded, lexical."),
        (
            "/v2/rerank",
            b'{"query": "a", "documents": ["b"], "top_n": 1, "top_k": 2}',
            422,
            "top_n is 1, and top_k is 2",
        ),
        ("/v2/rerank", b'{"query": "a", "documents": ["b"], "top_n": true}', 422, "top_n"),
        ("/rerank", b'{"query": "a", "texts": [1]}', 422, "texts.0"),
        ("/rerank", b"7", 422, "no object. Send"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(address, path, body, status, said) -> None:
    reply = httpx.post(address + path, content=body)
    assert reply.status_code == status
    assert said in reply.json()["error" if path == "/rerank" else "message"]


def test_prometheus_reads_what_was_done() -> None:
    name = 'a "model"\\n'
    with served({name: {"method": "bm25"}}) as url:
        post(url, "/v2/rerank", query=QUERY, documents=PASSAGES, model=name)
        post(url, "/v2/rerank", query=QUERY, documents=PASSAGES, model="another")
        families = text_string_to_metric_families(httpx.get(f"{url}/metrics").text)
    read = {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}
    assert read["swaprank_requests_total", name, "/v2/rerank", "200"] == 1
    assert read["swaprank_requests_total", "", "/v2/rerank", "404"] == 1
    assert read["swaprank_request_passages_sum", name] == len(PASSAGES)
    assert read["swaprank_request_seconds_count", name] == 1
    assert read["swaprank_requests_in_progress",] == 0
