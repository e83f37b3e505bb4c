"""Hosted rerankers work by the name of their service: bodies, keys, limits and bills as each one documents them."""

from __future__ import annotations

import pickle
import re
import sys
from dataclasses import replace
from types import ModuleType

import pytest

from swaprank import ConfigError, Reranker, SwaprankError
from swaprank.backends.http.dialects import DIALECTS
from swaprank.backends.http.options import HttpOptions
from swaprank.backends.http.services import SERVICES
from swaprank.scores.activation import sigmoid
from tests.backends.http.hosted_clients import hosted, sign_in, sign_out
from tests.backends.http.hosted_server import HostedServer
from tests.backends.http.hosted_services import DOCUMENTED

PASSAGES = ["coffee", "tea leaves that are green", "green"]


@pytest.fixture(autouse=True)
def _signed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    sign_out(monkeypatch)


def test_every_service_has_a_dialect_a_server_and_a_page(request: pytest.FixtureRequest) -> None:
    assert set(DOCUMENTED) == set(SERVICES) <= set(DIALECTS)
    page = (request.config.rootpath / "docs" / "hosted.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([a-z]+)` \|", page, flags=re.MULTILINE)) == {"api", *SERVICES}
    for service in SERVICES.values():
        assert all(name in page for name in (*service.keys, *service.regions, *service.projects))


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"azure", "voyage"}))
def test_the_limits_of_a_service_stand_in_its_row(name: str, request: pytest.FixtureRequest) -> None:
    page = (request.config.rootpath / "docs" / "hosted.md").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
    service = SERVICES[name]
    for limits in (service.limits, *service.models.values()):
        for most in (limits.documents, limits.tokens, limits.size, limits.characters):
            assert most is None or f" {most:,}" in row


def test_the_limits_of_voyage_stand_in_a_table(request: pytest.FixtureRequest) -> None:
    page = (request.config.rootpath / "docs" / "hosted.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| `rerank-")]
    found = {model: row[2:4] for row in rows for model in re.findall(r"`(.+?)`", row[1])}
    assert found == {
        model: [f" {limits.tokens:,} ", f" {limits.query_tokens:,} "]
        for model, limits in SERVICES["voyage"].models.items()
    }


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_ranks_with_its_documented_words(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in(name, monkeypatch)
    with HostedServer(DOCUMENTED[name]) as server:
        ranking = hosted(name, server.url).rerank("green tea", PASSAGES)
    assert ranking.order == [1, 2, 0]
    assert [call.billed_units for call in ranking.calls] == [DOCUMENTED[name].billed]
    assert ranking.calls[0].requests == 1


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_what_bedrock_leaves_out_of_a_reply_is_asked_for_by_its_token(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in("bedrock", monkeypatch)
    with HostedServer(DOCUMENTED["bedrock"], rows=rows) as server:
        ranking = hosted("bedrock", server.url).rerank("green tea", PASSAGES)
    assert ranking.order == [1, 2, 0]
    assert len(server.bodies) == ranking.calls[0].requests == -(-3 // rows)


def test_a_service_without_paging_that_leaves_passages_out_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in("voyage", monkeypatch)
    with HostedServer(DOCUMENTED["voyage"], rows=2) as server, pytest.raises(SwaprankError, match="2 scores for 3"):
        hosted("voyage", server.url).rerank("green tea", PASSAGES)


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"azure", "bedrock", "vertex"}))
def test_a_missing_key_is_refused_at_construction(name: str) -> None:
    with pytest.raises(
        ConfigError, match=f"{SERVICES[name].title} needs the environment variable {SERVICES[name].keys[0]}"
    ):
        Reranker(method="cross-encoder", model="m", backend={"type": "http", "api": name})


@pytest.mark.parametrize(
    ("api", "message"),
    [
        ("azure", "address for every customer"),
        ("bedrock", "needs region, or the environment variable AWS_REGION"),
        ("vertex", "needs project, or the environment variable GOOGLE_CLOUD_PROJECT"),
    ],
)
def test_what_only_the_customer_knows_is_asked_for(api: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Reranker(method="cross-encoder", model="m", backend={"type": "http", "api": api})


@pytest.mark.parametrize("option", ["region", "project"])
def test_options_of_other_services_are_refused(option: str) -> None:
    with pytest.raises(ConfigError, match=f"{option} is for hosted services"):
        Reranker(
            method="cross-encoder", model="m", backend={"type": "http", "api": "cohere", "api_key": "k", option: "x"}
        )


def test_the_addresses_and_the_keys_are_those_of_the_documentation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CO_API_KEY", " k\n")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert HttpOptions(api="cohere").urls == ("https://api.cohere.com",)
    assert HttpOptions(api="cohere").sent_headers == {"Authorization": "Bearer k"}
    assert HttpOptions(api="bedrock").urls == ("https://bedrock-agent-runtime.eu-west-1.amazonaws.com",)
    assert HttpOptions(api="bedrock", region="us-east-1").urls == (
        "https://bedrock-agent-runtime.us-east-1.amazonaws.com",
    )
    assert HttpOptions(api="voyage", api_key="pa-1").urls == ("https://api.voyageai.com",)
    assert HttpOptions(api="voyage", api_key="al-1").urls == ("https://ai.mongodb.com",)


@pytest.mark.parametrize(
    ("region", "url"),
    [(None, "https://discoveryengine.googleapis.com"), ("eu", "https://eu-discoveryengine.googleapis.com")],
)
def test_vertex_has_an_address_for_each_multi_region(region, url, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_LOCATION", "us-central1")  # where Vertex AI's other models are
    options = HttpOptions(api="vertex", project="p-1", region=region)
    assert options.urls == (url,)
    assert options.path(DIALECTS["vertex"].path, "m").startswith(f"/v1/projects/p-1/locations/{region or 'global'}/")


@pytest.mark.parametrize(
    "url",
    [
        "https://mine.services.ai.azure.com",
        "https://mine.services.ai.azure.com/",
        "https://mine.services.ai.azure.com/providers/cohere",
        "https://mine.services.ai.azure.com/providers/cohere/v2/rerank",
    ],
)
def test_azure_takes_the_address_as_its_portal_shows_it(url: str) -> None:
    assert HttpOptions(api="azure", base_url=url).urls == ("https://mine.services.ai.azure.com/providers/cohere",)


def test_a_serverless_deployment_of_azure_has_no_such_path() -> None:
    url = "https://mine.eastus.models.ai.azure.com"
    assert HttpOptions(api="azure", base_url=f"{url}/v2/rerank").urls == (url,)


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("nvidia/llama-nemotron-rerank-1b-v2", "/v1/retrieval/nvidia/llama-nemotron-rerank-1b-v2/reranking"),
        ("nvidia/llama-3.2-nv-rerankqa-1b-v2", "/v1/retrieval/nvidia/llama-3_2-nv-rerankqa-1b-v2/reranking"),
        ("nv-rerank-qa-mistral-4b:1", "/v1/retrieval/nvidia/reranking"),
    ],
)
def test_nvidia_has_a_path_for_each_model(model: str, path: str) -> None:
    assert HttpOptions(api="nvidia", api_key="k").path(DIALECTS["nvidia"].path, model) == path


@pytest.mark.parametrize(("units", "billed"), [({"search_units": 2.0}, 2), ({"input_tokens": 70.0}, 70)])
def test_cohere_bills_searches_or_tokens(units, billed, monkeypatch: pytest.MonkeyPatch) -> None:
    cohere = DOCUMENTED["cohere"]
    reply = lambda rows: cohere.reply(rows) | {"meta": {"billed_units": units}}  # noqa: E731
    sign_in("cohere", monkeypatch)
    with HostedServer(replace(cohere, reply=reply)) as server:
        assert hosted("cohere", server.url).rerank("green tea", PASSAGES).calls[0].billed_units == billed


def test_a_key_of_the_environment_is_neither_dumped_nor_pickled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COHERE_API_KEY", "sk-very-secret")
    reranker = Reranker(method="cross-encoder", model="rerank-v3.5", backend={"type": "http", "api": "cohere"})
    assert "sk-very-secret" not in str(reranker.to_config()) + repr(reranker)
    assert b"sk-very-secret" not in pickle.dumps(reranker)


def test_bedrock_signs_what_has_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("botocore")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "not for this operation")
    with HostedServer(DOCUMENTED["bedrock"], keyed=False) as server:
        assert hosted("bedrock", server.url).rerank("green tea", PASSAGES).order == [1, 2, 0]
    signature = server.headers[0]["authorization"]
    assert re.match(r"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/\d{8}/eu-west-1/bedrock/aws4_request, Signed", signature)
    assert "x-amz-date" in server.headers[0]


def test_bedrock_refuses_a_key_at_construction() -> None:
    with pytest.raises(ConfigError, match="Amazon Bedrock takes no api_key here, but AWS credentials"):
        Reranker(
            method="cross-encoder",
            model="cohere.rerank-v3-5:0",
            backend={"type": "http", "api": "bedrock", "region": "eu-west-1", "api_key": "k"},
        )


def test_bedrock_without_credentials_says_where_they_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    session = pytest.importorskip("botocore.session")
    monkeypatch.setattr(session.Session, "get_credentials", lambda self: None)
    with (
        HostedServer(DOCUMENTED["bedrock"], keyed=False) as server,
        pytest.raises(ConfigError, match="Bedrock's API keys are not for reranking"),
    ):
        hosted("bedrock", server.url).rerank("green tea", PASSAGES)


def test_vertex_gets_access_tokens_that_are_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Credentials:
        valid, token, refreshed = False, "", 0

        def refresh(self, request: object) -> None:
            self.valid, self.token, self.refreshed = True, "k", self.refreshed + 1

    held = Credentials()
    for name in ("google.auth", "google.auth.exceptions", "google.auth.transport", "google.auth.transport.requests"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setattr(sys.modules["google.auth"], "default", lambda scopes: (held, "other"), raising=False)
    monkeypatch.setattr(sys.modules["google.auth.exceptions"], "GoogleAuthError", OSError, raising=False)
    monkeypatch.setattr(sys.modules["google.auth.transport.requests"], "Request", object, raising=False)
    with HostedServer(DOCUMENTED["vertex"]) as server:
        reranker = hosted("vertex", server.url)
        assert reranker.rerank("green tea", PASSAGES).order == [1, 2, 0]
        reranker.rerank("coffee", PASSAGES)
        held.valid = False
        reranker.rerank("tea", PASSAGES)
    assert held.refreshed == 2
    assert server.headers[0]["x-goog-user-project"] == "p-1"


def test_a_nim_of_ones_own_returns_logits() -> None:
    documented = DOCUMENTED["nvidia"]
    own = documented.__class__(
        documented.model, "/v1/ranking", documented.body, documented.reply, texts=documented.texts
    )
    with HostedServer(own, keyed=False) as server:
        backend = {"type": "http", "api": "nim-rerank", "base_url": server.url}
        ranking = Reranker(method="cross-encoder", model=own.model, backend=backend).rerank("green tea", PASSAGES)
    assert ranking.order == [1, 2, 0]
    assert ranking.scores[1] == pytest.approx(sigmoid(0.2))
