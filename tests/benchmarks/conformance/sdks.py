"""The SDKs of hosted rerank services, each asked as its documentation says."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.backends.http.hosted_services import ARN

QUERY = "green tea"
TEXTS = ["coffee", "tea leaves that are green", "green"]

Rank = Callable[[str, str], Sequence[int]]


@dataclass(frozen=True)
class Sdk:
    """One SDK.

    Attributes:
        api: The service, by its name here.
        package: The distribution.
        rank: Gives the indices in order, from the server's address and a model's name; the key is ``k``.
        asked: The api whose words the SDK speaks to an address that is not the service's own.
    """

    api: str
    package: str
    rank: Rank
    asked: str = ""


def _class(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)


def _indices(rows: Any) -> list[int]:
    return [row.index for row in rows]


def _cohere(url: str, model: str) -> list[int]:
    client = _class("cohere", "ClientV2")(api_key="k", base_url=url)
    return _indices(client.rerank(model=model, query=QUERY, documents=TEXTS, top_n=len(TEXTS)).results)


def _voyage(url: str, model: str) -> list[int]:
    client = _class("voyageai", "Client")(api_key="k", base_url=f"{url}/v1")
    return _indices(client.rerank(QUERY, TEXTS, model=model, top_k=len(TEXTS)).results)


def _contextual(url: str, model: str) -> list[int]:
    client = _class("contextual", "ContextualAI")(api_key="k", base_url=f"{url}/v1")
    return _indices(client.rerank.create(model=model, query=QUERY, documents=TEXTS, top_n=len(TEXTS)).results)


def _zeroentropy(url: str, model: str) -> list[int]:
    client = _class("zeroentropy", "ZeroEntropy")(api_key="k", base_url=f"{url}/v1")
    return _indices(client.models.rerank(model=model, query=QUERY, documents=TEXTS, top_n=len(TEXTS)).results)


def _mixedbread(url: str, model: str) -> list[int]:
    client = _class("mixedbread", "Mixedbread")(api_key="k", base_url=url)
    return _indices(client.rerank(model=model, query=QUERY, input=TEXTS, top_k=len(TEXTS), return_input=False).data)


def _isaacus(url: str, model: str) -> list[int]:
    client = _class("isaacus", "Isaacus")(api_key="k", base_url=f"{url}/v1")
    return _indices(client.rerankings.create(model=model, query=QUERY, texts=TEXTS, top_n=len(TEXTS)).results)


def _together(url: str, model: str) -> list[int]:
    client = _class("together", "Together")(api_key="k", base_url=url)
    done = client.rerank.create(model=model, query=QUERY, documents=TEXTS, top_n=len(TEXTS), return_documents=False)
    return _indices(done.results)


def _pinecone(url: str, model: str) -> list[int]:
    done = _class("pinecone", "Pinecone")(api_key="k", host=url).inference.rerank(
        model=model,
        query=QUERY,
        documents=TEXTS,
        top_n=len(TEXTS),
        return_documents=False,
        parameters={"truncate": "END"},
    )
    return _indices(done.data)


def _bedrock(url: str, model: str) -> list[int]:
    client = _class("boto3", "client")("bedrock-agent-runtime", endpoint_url=url, region_name="eu-west-1")
    done = client.rerank(
        queries=[{"type": "TEXT", "textQuery": {"text": QUERY}}],
        sources=[
            {"type": "INLINE", "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": text}}}
            for text in TEXTS
        ],
        rerankingConfiguration={
            "type": "BEDROCK_RERANKING_MODEL",
            "bedrockRerankingConfiguration": {
                "numberOfResults": len(TEXTS),
                "modelConfiguration": {"modelArn": ARN},
            },
        },
    )
    return [row["index"] for row in done["results"]]


def _vertex(url: str, model: str) -> list[int]:
    types = importlib.import_module("google.cloud.discoveryengine_v1")
    transport = _class("google.cloud.discoveryengine_v1.services.rank_service.transports", "RankServiceRestTransport")(
        host=url.removeprefix("http://"),
        url_scheme="http",
        credentials=_class("google.oauth2.credentials", "Credentials")("k"),
    )
    client = types.RankServiceClient(transport=transport)
    request = types.RankRequest(
        ranking_config=client.ranking_config_path("p-1", "global", "default_ranking_config"),
        model=model,
        query=QUERY,
        records=[types.RankingRecord(id=str(place), content=text) for place, text in enumerate(TEXTS)],
        top_n=len(TEXTS),
        ignore_record_details_in_response=True,
    )
    return [int(record.id) for record in client.rank(request).records]


def _nvidia(url: str, model: str) -> list[int]:
    documents = [_class("langchain_core.documents", "Document")(text) for text in TEXTS]
    ranker = _class("langchain_nvidia_ai_endpoints", "NVIDIARerank")(
        base_url=f"{url}/v1", model=model, api_key="k", truncate="END"
    )
    return [TEXTS.index(one.page_content) for one in ranker.compress_documents(documents, QUERY)]


SDKS = (
    Sdk("azure", "cohere", _cohere),
    Sdk("bedrock", "boto3", _bedrock),
    Sdk("cohere", "cohere", _cohere),
    Sdk("contextual", "contextual-client", _contextual),
    Sdk("isaacus", "isaacus", _isaacus),
    Sdk("mixedbread", "mixedbread", _mixedbread),
    Sdk("nvidia", "langchain-nvidia-ai-endpoints", _nvidia, asked="nim-rerank"),
    Sdk("pinecone", "pinecone", _pinecone),
    Sdk("together", "together", _together),
    Sdk("vertex", "google-cloud-discoveryengine", _vertex),
    Sdk("voyage", "voyageai", _voyage),
    Sdk("zeroentropy", "zeroentropy", _zeroentropy),
)
