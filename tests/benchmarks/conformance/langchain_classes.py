"""LangChain's classes, in classic, community and partner packages."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.models import unpacked

from .classes import Asked
from .llamaindex_classes import FlashRankModel
from .scripts import Reply, bad_permutation, permutation, relevance

_CLASSIC = "langchain-classic"


def classes(url: str) -> list[Asked]:
    """Every class that is asked; ``url`` is the service that stands in for hosted ones."""
    folder = str(unpacked() / "tiny-bert-cross-encoder")
    return [
        Asked("`langchain_rerankers.Reranker()`", "swaprank", lambda: _ours("embedded")),
        Asked(
            "`Reranker(method='cross-encoder')`",
            "swaprank",
            lambda: _ours({"method": "cross-encoder", "model": folder}),
        ),
        Asked("`Reranker(method='rankgpt', llm=...)`", "swaprank", lambda: _rankgpt(permutation)),
        Asked("the same, bad replies", "swaprank", lambda: _rankgpt(bad_permutation)),
        Asked("`CrossEncoderReranker`", _CLASSIC, _cross_encoder),
        Asked("`LLMListwiseRerank`", _CLASSIC, lambda: _listwise(lambda n: list(range(n))[::-1])),
        Asked("`LLMListwiseRerank`, bad replies", _CLASSIC, lambda: _listwise(lambda n: [1, 1, -1])),
        Asked("`EmbeddingsFilter`", _CLASSIC, _embeddings_filter, {"score_key": "query_similarity_score"}),
        Asked("`FlashrankRerank`", "langchain-community", _flashrank),
        Asked("`JinaRerank`", "langchain-community", lambda: _jina(url)),
        Asked("`CohereRerank`", "langchain-cohere", lambda: _cohere(url)),
    ]


def _class(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)


def _ours(config: Any) -> Any:
    return _class("langchain_rerankers", "Reranker")(config)


def _rankgpt(reply: Reply) -> Any:
    return _class("langchain_rerankers", "Reranker")(method="rankgpt", llm=_chat_model(reply))


def _chat_model(reply: Reply) -> Any:
    models = importlib.import_module("langchain_core.language_models")

    class Scripted(models.SimpleChatModel):  # type: ignore[name-defined, misc]
        @property
        def _llm_type(self) -> str:
            return "scripted"

        def _call(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> str:
            return reply("\n".join(one.content for one in messages))

    return Scripted()


def _cross_encoder() -> Any:
    base = _class("langchain_core.cross_encoders", "BaseCrossEncoder")

    class Scripted(base):  # type: ignore[misc, valid-type]
        def score(self, text_pairs: Any) -> Any:
            return np.array([relevance(query, text) for query, text in text_pairs], dtype=np.float32)

    compressors = "langchain_classic.retrievers.document_compressors"
    return _class(compressors, "CrossEncoderReranker")(model=Scripted(), top_n=100)


def _listwise(ranked: Callable[[int], list[int]]) -> Any:
    runnable = _class("langchain_core.runnables", "RunnableLambda")
    models = importlib.import_module("langchain_core.language_models")

    class Scripted(models.SimpleChatModel):  # type: ignore[name-defined, misc]
        @property
        def _llm_type(self) -> str:
            return "scripted"

        def _call(self, *args: Any, **kwargs: Any) -> str:
            return ""

        def with_structured_output(self, schema: Any, **kwargs: Any) -> Any:
            def answer(prompt: Any) -> Any:
                numbers = re.findall(r"Document ID: (\d+)\n```", prompt.to_string())
                return schema(ranked_document_ids=ranked(len(numbers)))

            return runnable(answer)

    compressors = "langchain_classic.retrievers.document_compressors"
    return _class(compressors, "LLMListwiseRerank").from_llm(Scripted(), top_n=100)


def _embeddings_filter() -> Any:
    base = _class("langchain_core.embeddings", "Embeddings")

    class Scripted(base):  # type: ignore[misc, valid-type]
        def embed_query(self, text: str) -> list[float]:
            return self.embed_documents([text])[0]

        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [[1.0, 1 + relevance("harbour project cost million", text)] for text in texts]

    compressors = "langchain_classic.retrievers.document_compressors"
    return _class(compressors, "EmbeddingsFilter")(embeddings=Scripted(), k=100)


def _flashrank() -> Any:
    made = _class("langchain_community.document_compressors.flashrank_rerank", "FlashrankRerank")
    ranker = _class("flashrank", "Ranker")
    return made(client=type("Scripted", (FlashRankModel, ranker), {})(), top_n=100)


def _jina(url: str) -> Any:
    module = importlib.import_module("langchain_community.document_compressors.jina_rerank")
    vars(module)["JINA_API_URL"] = url
    return module.JinaRerank(top_n=100)


def _cohere(url: str) -> Any:
    made = _class("langchain_cohere", "CohereRerank")
    return made(model="rerank-v3.5", cohere_api_key="none", base_url=url, top_n=100)
