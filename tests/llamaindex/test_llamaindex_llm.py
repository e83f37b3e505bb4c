"""LlamaIndex LLMs as the backend of the methods that read text."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Sequence
from typing import Any

import pytest
from llama_index.core import Settings
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse, LLMMetadata, LogProb
from llama_index.core.callbacks import CallbackManager, CBEventType, LlamaDebugHandler
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events.llm import LLMChatStartEvent
from llama_index.core.llms import CustomLLM, MockLLM
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.schema import NodeWithScore, TextNode
from pydantic import Field

from llamaindex_rerankers import QuestionDecomposition, Reranker
from swaprank import Ranking
from swaprank.errors import BackendError, CapabilityError, ConfigError, ResponseError

QUERY = "green tea"
TEXTS = ["coffee", "tea leaves that are green", "green"]
BEST = [TEXTS[1], TEXTS[2], TEXTS[0]]


class Scripted(CustomLLM):
    """Writes one text, with usage in the shape of OpenAI's integrations."""

    text: str = "[2] > [3] > [1]"
    error: Any = None
    asked: list[Any] = Field(default_factory=list)

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="scripted", is_chat_model=True)

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return self._answer(messages, kwargs)

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return self._answer(messages, kwargs)

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        raise AssertionError("chats are asked")

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        raise AssertionError("chats are asked")

    def _answer(self, messages: Sequence[ChatMessage], kwargs: dict[str, Any]) -> ChatResponse:
        self.asked.append((list(messages), kwargs))
        if self.error is not None:
            raise self.error
        raw = {"usage": {"prompt_tokens": 7, "completion_tokens": 3}, "choices": [{"finish_reason": "stop"}]}
        return ChatResponse(message=ChatMessage(role="assistant", content=self.text), raw=raw)


class Telling(Scripted):
    """Tells log-probabilities, as its field says."""

    top_logprobs: int = 5

    def _answer(self, messages: Sequence[ChatMessage], kwargs: dict[str, Any]) -> ChatResponse:
        response = super()._answer(messages, kwargs)
        yes = -0.1 if "green" in str(messages[-1].content).split("Query")[0] else -3.0
        response.logprobs = [[LogProb(token="Yes", logprob=yes), LogProb(token="No", logprob=-2.0)]]
        return response


def nodes() -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(text=text), score=None) for text in TEXTS]


def texts(found: Sequence[NodeWithScore]) -> list[str]:
    return [node.node.get_content() for node in found]


async def test_sync_and_async_say_the_same_and_report_tokens() -> None:
    seen: list[Ranking] = []
    reranker = Reranker(method="rankgpt", llm=Scripted(), on_ranking=seen.append)
    assert texts(reranker.postprocess_nodes(nodes(), query_str=QUERY)) == BEST
    assert texts(await reranker.apostprocess_nodes(nodes(), query_str=QUERY)) == BEST
    for ranking in seen:
        [call] = ranking.calls
        assert (call.backend, call.model, call.input_tokens, call.output_tokens) == ("llm", "scripted", 7, 3)


def test_the_default_is_that_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Settings, "_llm", Scripted())
    reranker = Reranker(method="rankgpt", backend="llm")
    assert texts(reranker.postprocess_nodes(nodes(), query_str=QUERY)) == BEST
    assert reranker.to_config() == {"method": "rankgpt", "model": "scripted", "backend": {"type": "llm"}}
    again = Reranker.from_dict(reranker.to_dict())
    assert texts(again.postprocess_nodes(nodes(), query_str=QUERY)) == BEST


def test_without_an_llm_anywhere_the_error_says_where_to_set_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def unset(*_: object) -> None:
        raise ImportError("`llama-index-llms-openai` package not found")

    monkeypatch.setattr(Settings, "_llm", None)
    monkeypatch.setattr("llama_index.core.settings.resolve_llm", unset)
    with pytest.raises(ConfigError, match=r"Set Settings\.llm, or add: llm="):
        Reranker(method="rankgpt", backend="llm")


def test_an_llm_of_its_own_goes_before_the_settings_and_travels_in_pickles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Settings, "_llm", Scripted())
    reranker = Reranker(method="rankgpt", llm=Scripted(text="[3] > [1] > [2]"))
    for one in (reranker, pickle.loads(pickle.dumps(reranker))):
        assert texts(one.postprocess_nodes(nodes(), query_str=QUERY))[0] == "green"
    assert "scripted" not in str(reranker.to_dict()["config"]["backend"])


async def test_callbacks_and_instrumentation_see_every_call() -> None:
    class Seen(BaseEventHandler):
        models: list[Any] = Field(default_factory=list)

        def handle(self, event: Any, **_: Any) -> None:
            if isinstance(event, LLMChatStartEvent):
                self.models.append(event.model_dict)

    debug, seen = LlamaDebugHandler(print_trace_on_end=False), Seen()
    root = get_dispatcher("root")
    root.add_event_handler(seen)
    try:
        llm = Telling(callback_manager=CallbackManager([debug]))
        reranker = Reranker(method="pointwise-yes-no", chat=True, llm=llm)
        reranker.postprocess_nodes(nodes(), query_str=QUERY)
        await reranker.apostprocess_nodes(nodes(), query_str=QUERY)
    finally:
        root.event_handlers.remove(seen)
    assert len(debug.get_event_pairs(CBEventType.LLM)) == 6
    assert len(seen.models) == 6


async def test_label_methods_read_the_log_probabilities_that_an_llm_tells() -> None:
    llm = Telling()
    reranker = Reranker(method="pointwise-yes-no", chat=True, llm=llm)
    assert texts(reranker.postprocess_nodes(nodes(), query_str=QUERY))[-1] == "coffee"
    assert texts(await reranker.apostprocess_nodes(nodes(), query_str=QUERY))[-1] == "coffee"
    assert all(kwargs == {"logprobs": True, "top_logprobs": 20} for _, kwargs in llm.asked)
    with pytest.raises(CapabilityError, match="label_logprobs"):
        Reranker(method="pointwise-yes-no", chat=True, llm=Scripted())
    silent = Reranker(method="pointwise-yes-no", chat=True, llm=Scripted(), backend={"type": "llm", "logprobs": True})
    with pytest.raises(ResponseError, match="returned no log-probabilities"):
        silent.postprocess_nodes(nodes(), query_str=QUERY)


async def test_failures_are_bridged_and_say_why() -> None:
    llm = Scripted(error=TimeoutError("too slow"))
    found = await Reranker(method="rankgpt", llm=llm, on_error="keep_order").apostprocess_nodes(
        nodes(), query_str=QUERY
    )
    assert texts(found) == TEXTS
    assert "The LLM 'scripted' failed: TimeoutError: too slow" in found[0].node.metadata["rerank_failures"][0]
    with pytest.raises(BackendError, match="TimeoutError") as caught:
        Reranker(method="rankgpt", llm=llm).postprocess_nodes(nodes(), query_str=QUERY)
    assert caught.value.retryable


def test_the_mock_of_llamaindex_echoes_and_loses_nothing() -> None:
    found = Reranker(method="setwise", llm=MockLLM(max_tokens=5)).postprocess_nodes(nodes(), query_str=QUERY)
    assert sorted(texts(found)) == sorted(TEXTS)


def test_the_label_that_other_backends_put_in_the_models_mouth_may_be_written() -> None:
    seen: list[Ranking] = []
    llm = Scripted(text=" Passage: A")
    reranker = Reranker(method="pairwise", scoring="generation", llm=llm, on_ranking=seen.append)
    reranker.postprocess_nodes(nodes(), query_str=QUERY)
    assert seen[0].repairs == 0


def test_the_decomposition_takes_one() -> None:
    llm = Scripted(text='["What is green tea?", "What is coffee?"]')
    reranker = QuestionDecomposition(llm=llm, rerank="bm25", search="bm25")
    assert len(reranker.postprocess_nodes(nodes(), query_str=QUERY)) == 3
    assert len(llm.asked) == 1


def test_a_prompt_of_single_tokens_is_refused() -> None:
    with pytest.raises(ConfigError, match="token by token"):
        Reranker(method="mxbai-rerank-v2", llm=Telling()).postprocess_nodes(nodes(), query_str=QUERY)


async def test_a_cancelled_call_ends() -> None:
    class Hanging(Scripted):
        async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
            await asyncio.Event().wait()
            raise AssertionError

    waiting = asyncio.create_task(
        Reranker(method="rankgpt", llm=Hanging()).apostprocess_nodes(nodes(), query_str=QUERY)
    )
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


class Blocking(CustomLLM):
    """Has no asynchronous methods of its own, as most local models."""

    async_loops: list[bool] = Field(default_factory=list)

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="blocking")

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        self.async_loops.append(asyncio._get_running_loop() is not None)
        return CompletionResponse(text="[2] > [3] > [1]")

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> Any:
        raise AssertionError("nothing streams")


async def test_an_llm_that_would_block_the_event_loop_answers_in_a_thread() -> None:
    llm, log = Blocking(), LlamaDebugHandler(print_trace_on_end=False)
    llm.callback_manager = CallbackManager([log])
    nodes = [NodeWithScore(node=TextNode(text=text)) for text in TEXTS]
    found = await Reranker(method="rankgpt", llm=llm).apostprocess_nodes(nodes, query_str=QUERY)
    assert [one.text for one in found] == BEST
    assert llm.async_loops == [False]
    assert log.get_event_pairs(CBEventType.LLM)
