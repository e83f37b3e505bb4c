"""LangChain models as the backend of the methods that read text."""

from __future__ import annotations

import asyncio
import pickle
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.language_models import FakeListLLM
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.language_models.fake_chat_models import FakeListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import Field

from langchain_rerankers import QuestionDecomposition, Reranker
from langchain_rerankers.llm import LangChainLLM
from swaprank import ConfigError, Ranking
from swaprank.errors import BackendError, CapabilityError, ResponseError
from swaprank.requests import Generate, Generated

DOCUMENTS = [Document("coffee"), Document("tea leaves that are green"), Document("green")]
QUERY = "green tea"
# A reply of each method that reads text, and the order it means.
METHODS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "rankgpt": ({}, ["[2] > [3] > [1]"]),
    "rankzephyr": ({}, ["[2] > [3] > [1]"]),
    "dear-listwise": ({}, ["[1] > [2] > [0]"]),
    "insertrank": ({}, ["[2] > [3] > [1]"]),
    "rebel": ({}, ["Doc: 2, Relevance: 9\nDoc: 3, Relevance: 5\nDoc: 1, Relevance: 1"]),
    "grouprank": ({}, ['<answer>{"[1]": 1, "[2]": 9, "[3]": 5}</answer>']),
    "setwise": ({"strategy": "heap-sort"}, ["Passage: B"]),
}


class Telling(BaseChatModel):
    """A chat model that tells log-probabilities and usage, and can be out of order."""

    top_logprobs: int | None = None
    text: str = "[2] > [3] > [1]"
    error: Any = None
    asked: list[dict[str, Any]] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "telling"

    def _generate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        self.asked.append({"messages": messages, "stop": stop, **kwargs})
        if self.error is not None:
            raise self.error
        yes = -0.1 if "green" in str(messages[-1].content).split("Query")[0] else -3.0
        top = [{"token": "Yes", "logprob": yes}, {"token": "No", "logprob": -2.0}]
        told = {"content": [{"token": "Yes", "logprob": yes, "top_logprobs": top}]} if "logprobs" in kwargs else None
        message = AIMessage(
            self.text,
            usage_metadata={"input_tokens": 7, "output_tokens": 3, "total_tokens": 10},
            response_metadata={"logprobs": told, "finish_reason": "stop"},
        )
        return ChatResult(generations=[ChatGeneration(message=message)])


class RateLimitError(Exception):
    status_code = 429


def texts(documents: Sequence[Document]) -> list[str]:
    return [document.page_content for document in documents]


@pytest.mark.parametrize("method", METHODS)
def test_methods_that_read_text(method: str) -> None:
    options, replies = METHODS[method]
    reranker = Reranker(method=method, llm=FakeListChatModel(responses=replies), **options)
    best = reranker.compress_documents(DOCUMENTS, QUERY)
    if method != "setwise":  # whose reply is the same to every question
        assert texts(best) == ["tea leaves that are green", "green", "coffee"]
    assert sorted(texts(best)) == sorted(texts(DOCUMENTS))


async def test_async_and_sync_say_the_same_and_report_tokens() -> None:
    seen: list[Ranking] = []
    reranker = Reranker(method="rankgpt", llm=Telling(), on_ranking=seen.append)
    assert reranker.compress_documents(DOCUMENTS, QUERY) == await reranker.acompress_documents(DOCUMENTS, QUERY)
    for ranking in seen:
        [call] = ranking.calls
        assert (call.backend, call.model) == ("llm", "Telling")
        assert (call.input_tokens, call.output_tokens) == (7, 3)


async def test_calls_are_children_of_the_run() -> None:
    class Seen(BaseCallbackHandler):
        def __init__(self) -> None:
            self.parents: list[Any] = []
            self.ends = 0

        def on_chat_model_start(self, *args: Any, parent_run_id: Any = None, **kwargs: Any) -> None:
            self.parents.append(parent_run_id)

        def on_llm_end(self, *args: Any, **kwargs: Any) -> None:
            self.ends += 1

    reranker = Reranker(method="pointwise-yes-no", chat=True, llm=Telling())
    for native in (False, True):
        seen = Seen()
        if native:
            await reranker.acompress_documents(DOCUMENTS, QUERY, callbacks=[seen])
        else:
            reranker.compress_documents(DOCUMENTS, QUERY, callbacks=[seen])
        # One call per passage, in threads or tasks, all under the one run of the reranker.
        assert seen.ends == 3
        assert len(set(seen.parents)) == 1
        assert None not in seen.parents


def test_label_methods_read_the_log_probabilities_that_a_model_tells() -> None:
    llm = Telling()
    best = Reranker(method="pointwise-yes-no", chat=True, llm=llm).compress_documents(DOCUMENTS, QUERY)
    assert texts(best)[-1] == "coffee"
    assert {(asked["logprobs"], asked["top_logprobs"]) for asked in llm.asked} == {(True, 20)}


def test_a_label_that_is_not_told_is_an_error_unless_the_config_says_otherwise() -> None:
    config: dict[str, Any] = {"method": "pointwise-yes-no", "chat": True, "words": ["True", "No"]}
    with pytest.raises(ResponseError, match="'True' is not among the 2 most likely"):
        Reranker(config, llm=Telling()).compress_documents(DOCUMENTS, QUERY)
    floored = Reranker({**config, "backend": {"type": "llm", "missing_label": "floor"}}, llm=Telling())
    assert len(floored.compress_documents(DOCUMENTS, QUERY)) == 3


def test_a_model_without_log_probabilities_is_refused_at_construction() -> None:
    llm = FakeListChatModel(responses=["Yes"])
    with pytest.raises(CapabilityError, match="label_logprobs"):
        Reranker(method="pointwise-yes-no", chat=True, llm=llm)
    # The user knows better: what the model then does not tell is an error of its own.
    forced = Reranker(method="pointwise-yes-no", chat=True, llm=llm, backend={"type": "llm", "logprobs": True})
    with pytest.raises(ResponseError, match="returned no log-probabilities"):
        forced.compress_documents(DOCUMENTS, QUERY)


def test_stop_strings_are_handed_on_and_their_rest_is_cut() -> None:
    llm = Telling(text="yes it is. STOP and more")
    [answer] = LangChainLLM(llm).run([Generate("Is it?", max_tokens=9, stop=("STOP",))])
    assert isinstance(answer, Generated)
    assert (answer.text, answer.ending) == ("yes it is. ", "stop")
    assert llm.asked[0]["stop"] == ["STOP"]


def test_failures_are_bridged_and_say_why() -> None:
    reranker = Reranker(method="rankgpt", llm=Telling(error=RateLimitError("slow down")), on_error="keep_order")
    best = reranker.compress_documents(DOCUMENTS, QUERY)
    assert texts(best) == texts(DOCUMENTS)
    assert "The LLM 'Telling' failed: RateLimitError: slow down" in best[0].metadata["rerank_failures"][0]
    with pytest.raises(BackendError) as caught:
        Reranker(method="rankgpt", llm=Telling(error=RateLimitError())).compress_documents(DOCUMENTS, QUERY)
    assert caught.value.retryable


def test_models_that_go_on_writing_and_streamed_messages() -> None:
    for llm in (
        FakeListLLM(responses=["[2] > [3] > [1]"]),
        GenericFakeChatModel(messages=iter(["[2] > [3] > [1]"])),
    ):
        assert (
            texts(Reranker(method="rankgpt", llm=llm).compress_documents(DOCUMENTS, QUERY))[0]
            == DOCUMENTS[1].page_content
        )


def test_the_decomposition_takes_one() -> None:
    llm = FakeListChatModel(responses=['["What is green tea?", "What is coffee?"]'])
    reranker = QuestionDecomposition(llm=llm, rerank="bm25", search="bm25")
    assert reranker.to_config()["backend"] == {"type": "llm"}
    assert len(reranker.compress_documents(DOCUMENTS, QUERY)) == 3


def test_parts_of_a_cascade_say_so_themselves() -> None:
    stages = ["bm25", {"method": "rankgpt", "model": "any", "backend": "llm"}]
    best = Reranker({"stages": stages}, llm=Telling()).compress_documents(DOCUMENTS, QUERY)
    assert len(best) == 3
    with pytest.raises(ConfigError, match="none is given"):
        Reranker({"stages": stages})


def test_what_contradicts_itself_is_refused() -> None:
    with pytest.raises(ConfigError, match="Both llm= and backend: transformers"):
        Reranker(method="rankgpt", llm=Telling(), backend="transformers")
    from swaprank import Reranker as Core

    with pytest.raises(ConfigError, match="ready reranker takes no llm"):
        Reranker(Core("bm25"), llm=Telling())


def test_configs_and_pickles() -> None:
    reranker = Reranker(method="rankgpt", llm=FakeListChatModel(responses=["[2] > [3] > [1]"]))
    config = reranker.to_config()
    assert config == {"method": "rankgpt", "model": "FakeListChatModel", "backend": {"type": "llm"}}
    again = Reranker.from_config(config, llm=FakeListChatModel(responses=["[3] > [2] > [1]"]))
    assert texts(again.compress_documents(DOCUMENTS, QUERY))[0] == "green"
    copied = pickle.loads(pickle.dumps(reranker))
    assert texts(copied.compress_documents(DOCUMENTS, QUERY))[0] == DOCUMENTS[1].page_content


async def test_no_more_calls_at_a_time_than_allowed() -> None:
    class Counting(Telling):
        now: int = 0
        most: int = 0

        async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            self.now -= 1
            return self._generate(*args, **kwargs)

    llm = Counting()
    backend = {"type": "llm", "max_concurrency": 2}
    reranker = Reranker(method="pointwise-yes-no", chat=True, llm=llm, backend=backend)
    await asyncio.gather(*(reranker.acompress_documents(DOCUMENTS, QUERY) for _ in range(3)))
    assert llm.most == 2


def test_nothing_heavy_is_loaded() -> None:
    code = (
        "import sys; from langchain_rerankers import Reranker\n"
        "from langchain_core.documents import Document\n"
        "from langchain_core.language_models.fake_chat_models import FakeListChatModel\n"
        "llm = FakeListChatModel(responses=['[2] > [1]'])\n"
        "Reranker(method='rankgpt', llm=llm).compress_documents([Document('a'), Document('b')], 'q')\n"
        "print([name for name in ('torch', 'transformers', 'httpx') if name in sys.modules][:2])"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert "torch" not in out
    assert "transformers" not in out
