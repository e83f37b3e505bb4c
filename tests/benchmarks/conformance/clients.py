"""The clients of rerank services that are pointed at our server, each as its documentation says."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

TOP = 3
QUERY = "how is green tea made"
TEXTS = [
    "Coffee beans are roasted.",
    "Green tea is made of steamed leaves.",
    "Tea is made hot.",
    "",
    "Is green a colour?",
]

Rank = Callable[[str, str, str], list[int]]


@dataclass(frozen=True)
class Client:
    """One client.

    Attributes:
        name: What users call it.
        package: The distribution it comes from.
        path: Where it posts to.
        rank: Gives the indices in order, from the server's address, a key and a model's name.
        names_model: Whether it sends the model's name.
    """

    name: str
    package: str
    path: str
    rank: Rank
    names_model: bool = True


def _class(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)


def _cohere(kind: str) -> Rank:
    def rank(url: str, key: str, model: str) -> list[int]:
        client = _class("cohere", kind)(api_key=key, base_url=url)
        done = client.rerank(model=model, query=QUERY, documents=TEXTS, top_n=TOP)
        return [one.index for one in (asyncio.run(_awaited(done)) if kind.startswith("Async") else done).results]

    return rank


async def _awaited(given: Any) -> Any:
    return await given


def _voyage(url: str, key: str, model: str) -> list[int]:
    client = _class("voyageai", "Client")(api_key=key, base_url=f"{url}/v1")
    return [one.index for one in client.rerank(QUERY, TEXTS, model=model, top_k=TOP).results]


def _together(url: str, key: str, model: str) -> list[int]:
    client = _class("together", "Together")(api_key=key, base_url=url, max_retries=0)
    return [one.index for one in client.rerank.create(model=model, query=QUERY, documents=TEXTS, top_n=TOP).results]


def _langchain(build: Callable[[str, str, str], Any]) -> Rank:
    def rank(url: str, key: str, model: str) -> list[int]:
        documents = [
            _class("langchain_core.documents", "Document")(page_content=text, metadata={"place": place})
            for place, text in enumerate(TEXTS)
        ]
        return [one.metadata["place"] for one in build(url, key, model).compress_documents(documents, QUERY)]

    return rank


def _langchain_jina(url: str, key: str, model: str) -> Any:
    module = importlib.import_module("langchain_community.document_compressors.jina_rerank")
    vars(module)["JINA_API_URL"] = f"{url}/v1/rerank"  # it has no other way to say it
    return module.JinaRerank(jina_api_key=key, model=model, top_n=TOP)


def _llamaindex(build: Callable[[str, str, str], Any]) -> Rank:
    def rank(url: str, key: str, model: str) -> list[int]:
        schema = importlib.import_module("llama_index.core.schema")
        nodes = [
            schema.NodeWithScore(node=schema.TextNode(text=text, id_=str(place)), score=0.0)
            for place, text in enumerate(TEXTS)
        ]
        return [int(one.node.node_id) for one in build(url, key, model).postprocess_nodes(nodes, query_str=QUERY)]

    return rank


def _haystack(build: Callable[[str, str, str, Any], Any]) -> Rank:
    def rank(url: str, key: str, model: str) -> list[int]:
        haystack = importlib.import_module("haystack")
        secret = _class("haystack.utils", "Secret").from_token(key)
        documents = [haystack.Document(id=str(place), content=text) for place, text in enumerate(TEXTS)]
        return [int(one.id) for one in build(url, key, model, secret).run(QUERY, documents)["documents"]]

    return rank


def _tei_client(url: str, key: str, _: str) -> list[int]:
    client = _class("tei_client", "HttpClient")(url=url, headers={"Authorization": f"Bearer {key}"})
    return [one.index for one in client.rerank(QUERY, TEXTS).ranks][:TOP]


def _litellm(provider: str, base: str = "") -> Rank:
    def rank(url: str, key: str, model: str) -> list[int]:
        litellm = importlib.import_module("litellm")
        vars(litellm)["suppress_debug_info"] = True
        done = litellm.rerank(
            model=f"{provider}/{model}",
            query=QUERY,
            documents=TEXTS,
            top_n=TOP,
            api_base=url + base,
            api_key=key,
            max_retries=0,
        )
        return [one["index"] for one in done.results][:TOP]

    return rank


_INDEX, _RANKERS = "llama_index.postprocessor", "haystack_integrations.components.rankers"
_COHERE, _JINA = "/v2/rerank", "/v1/rerank"
_TEI = "/rerank"

CLIENTS = [
    Client("`ClientV2`", "cohere", _COHERE, _cohere("ClientV2")),
    Client("`AsyncClientV2`", "cohere", _COHERE, _cohere("AsyncClientV2")),
    Client("`Client`", "cohere", _JINA, _cohere("Client")),
    Client(
        "LlamaIndex `CohereRerank`",
        "llama-index-postprocessor-cohere-rerank",
        _COHERE,
        _llamaindex(
            lambda url, key, model: _class(f"{_INDEX}.cohere_rerank", "CohereRerank")(
                base_url=url, api_key=key, model=model, top_n=TOP, max_retries=1
            )
        ),
    ),
    Client(
        "LangChain `CohereRerank`",
        "langchain-cohere",
        _COHERE,
        _langchain(
            lambda url, key, model: _class("langchain_cohere", "CohereRerank")(
                base_url=url, cohere_api_key=key, model=model, top_n=TOP
            )
        ),
    ),
    Client(
        "Haystack `CohereRanker`",
        "cohere-haystack",
        _COHERE,
        _haystack(
            lambda url, _, model, secret: _class(f"{_RANKERS}.cohere", "CohereRanker")(
                api_base_url=url, api_key=secret, model=model, top_k=TOP
            )
        ),
    ),
    Client(
        "LlamaIndex `JinaRerank`",
        "llama-index-postprocessor-jinaai-rerank",
        _JINA,
        _llamaindex(
            lambda url, key, model: _class(f"{_INDEX}.jinaai_rerank", "JinaRerank")(
                base_url=f"{url}/v1", api_key=key, model=model, top_n=TOP
            )
        ),
    ),
    Client("LangChain `JinaRerank`", "langchain-community", _JINA, _langchain(_langchain_jina)),
    Client(
        "Haystack `JinaRanker`",
        "jina-haystack",
        _JINA,
        _haystack(
            lambda url, _, model, secret: _class(f"{_RANKERS}.jina", "JinaRanker")(
                base_url=f"{url}/v1/rerank", api_key=secret, model=model, top_k=TOP
            )
        ),
    ),
    Client(
        "LlamaIndex `SiliconFlowRerank`",
        "llama-index-postprocessor-siliconflow-rerank",
        _JINA,
        _llamaindex(
            lambda url, key, model: _class(f"{_INDEX}.siliconflow_rerank", "SiliconFlowRerank")(
                base_url=f"{url}/v1/rerank", api_key=key, model=model, top_n=TOP
            )
        ),
    ),
    Client("`voyageai.Client`", "voyageai", _JINA, _voyage),
    Client(
        "LangChain `VoyageAIRerank`",
        "langchain-voyageai",
        _JINA,
        _langchain(
            lambda url, key, model: _class("langchain_voyageai", "VoyageAIRerank")(
                base_url=f"{url}/v1", voyage_api_key=key, model=model, top_k=TOP
            )
        ),
    ),
    Client("`together.Together`", "together", _JINA, _together),
    Client(
        "LlamaIndex `TextEmbeddingInference`",
        "llama-index-postprocessor-tei-rerank",
        _TEI,
        _llamaindex(
            lambda url, key, _: _class(f"{_INDEX}.tei_rerank", "TextEmbeddingInference")(
                base_url=url, auth_token=f"Bearer {key}", top_n=TOP
            )
        ),
        names_model=False,
    ),
    Client(
        "Haystack `HuggingFaceTEIRanker`",
        "huggingface-api-haystack",
        _TEI,
        _haystack(
            lambda url, _, __, secret: _class(f"{_RANKERS}.huggingface_api", "HuggingFaceTEIRanker")(
                url=url, token=secret, top_k=TOP
            )
        ),
        names_model=False,
    ),
    Client("`tei_client.HttpClient`", "tei-client", _TEI, _tei_client, names_model=False),
    Client("LiteLLM `cohere/`", "litellm", _JINA, _litellm("cohere")),
    Client("LiteLLM `jina_ai/`", "litellm", _JINA, _litellm("jina_ai")),
    Client("LiteLLM `voyage/`", "litellm", _JINA, _litellm("voyage", "/v1")),
    Client("LiteLLM `hosted_vllm/`", "litellm", _TEI, _litellm("hosted_vllm")),
    Client("LiteLLM `huggingface/`", "litellm", _TEI, _litellm("huggingface"), names_model=False),
]
