"""LlamaIndex's classes, in its core and in packages of their own."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from tests.models import unpacked

from .classes import Asked
from .scripts import (
    Reply,
    bad_choices,
    bad_permutation,
    bad_structured,
    choices,
    permutation,
    relevance,
    structured,
)

_BERT = "tiny-bert-cross-encoder"
_CORE = "llama-index-core"


def classes(url: str) -> list[Asked]:
    """Every class that is asked; ``url`` is the service that stands in for hosted ones."""
    core, package = "llama_index.core.postprocessor", "llama_index.postprocessor"
    folder = str(unpacked() / _BERT)
    return [
        Asked("`llamaindex_rerankers.Reranker()`", "swaprank", lambda: _ours("embedded")),
        Asked(
            "`Reranker(method='cross-encoder')`",
            "swaprank",
            lambda: _ours({"method": "cross-encoder", "model": folder}),
        ),
        Asked("`Reranker(method='rankgpt', llm=...)`", "swaprank", lambda: _rankgpt(permutation)),
        Asked("the same, bad replies", "swaprank", lambda: _rankgpt(bad_permutation)),
        Asked(
            "`SentenceTransformerRerank` of the core",
            _CORE,
            lambda: _class(core, "SentenceTransformerRerank")(model=folder, top_n=100, device="cpu"),
        ),
        Asked("`LLMRerank`", _CORE, lambda: _class(core, "LLMRerank")(llm=_llm(choices), top_n=100)),
        Asked("`LLMRerank`, bad replies", _CORE, lambda: _class(core, "LLMRerank")(llm=_llm(bad_choices), top_n=100)),
        Asked(
            "`StructuredLLMRerank`",
            _CORE,
            lambda: _class(core, "StructuredLLMRerank")(llm=_llm(structured), top_n=100),
        ),
        Asked(
            "`StructuredLLMRerank`, bad replies",
            _CORE,
            lambda: _class(core, "StructuredLLMRerank")(llm=_llm(bad_structured), top_n=100),
        ),
        Asked(
            "`RankGPTRerank`",
            "llama-index-postprocessor-rankgpt-rerank",
            lambda: _class(f"{package}.rankgpt_rerank", "RankGPTRerank")(llm=_llm(permutation), top_n=100),
        ),
        Asked(
            "`RankGPTRerank`, bad replies",
            "llama-index-postprocessor-rankgpt-rerank",
            lambda: _class(f"{package}.rankgpt_rerank", "RankGPTRerank")(llm=_llm(bad_permutation), top_n=100),
        ),
        Asked(
            "`SentenceTransformerRerank` of its package",
            "llama-index-postprocessor-sbert-rerank",
            lambda: _class(f"{package}.sbert_rerank", "SentenceTransformerRerank")(
                model=folder, top_n=100, device="cpu"
            ),
        ),
        Asked(
            "`ColbertRerank`",
            "llama-index-postprocessor-colbert-rerank",
            lambda: _class(f"{package}.colbert_rerank", "ColbertRerank")(model=folder, tokenizer=folder, top_n=100),
        ),
        Asked("`FlashRankRerank`", "llama-index-postprocessor-flashrank-rerank", _flashrank),
        Asked(
            "`CohereRerank`",
            "llama-index-postprocessor-cohere-rerank",
            lambda: _class(f"{package}.cohere_rerank", "CohereRerank")(base_url=url, top_n=100, max_retries=1),
        ),
        Asked(
            "`JinaRerank`",
            "llama-index-postprocessor-jinaai-rerank",
            lambda: _class(f"{package}.jinaai_rerank", "JinaRerank")(base_url=url, api_key="none", top_n=100),
        ),
        Asked(
            "`TextEmbeddingInference`",
            "llama-index-postprocessor-tei-rerank",
            lambda: _class(f"{package}.tei_rerank", "TextEmbeddingInference")(base_url=url, top_n=100),
        ),
    ]


def _class(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)


def _ours(config: Any) -> Any:
    return _class("llamaindex_rerankers", "Reranker")(config)


def _rankgpt(reply: Reply) -> Any:
    return _class("llamaindex_rerankers", "Reranker")(method="rankgpt", llm=_llm(reply))


def _llm(reply: Reply) -> Any:
    """An LLM of LlamaIndex that answers with ``reply`` of the prompt."""
    types = importlib.import_module("llama_index.core.llms")

    class Scripted(types.CustomLLM):  # type: ignore[name-defined, misc]
        @property
        def metadata(self) -> Any:
            return types.LLMMetadata(model_name="scripted")

        def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
            return types.CompletionResponse(text=reply(prompt))

        def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
            yield self.complete(prompt)

    return Scripted()


def _flashrank() -> Any:
    module = importlib.import_module("llama_index.postprocessor.flashrank_rerank.base")
    vars(module)["Ranker"] = FlashRankModel
    return module.FlashRankRerank(top_n=100)


class FlashRankModel:
    """Stands in for FlashRank's model, whose scores are numpy's and which sorts what it was given."""

    def __init__(self, **options: Any) -> None:
        """As FlashRank's own."""

    def rerank(self, request: Any) -> list[dict[str, Any]]:
        """The passages of the request with a score each, best first."""
        passages: list[dict[str, Any]] = request.passages
        for passage in passages:
            passage["score"] = np.float32(relevance(request.query, passage["text"]))
        passages.sort(key=lambda passage: -passage["score"])
        return passages
