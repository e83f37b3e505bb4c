"""What the http backend asks each kind of server, and what it reads out of the answers."""

from __future__ import annotations

import math
from typing import Any

import pytest

from swaprank import ConfigError, Reranker
from swaprank.backends.http.backend import HttpBackend
from swaprank.backends.http.options import HttpOptions
from swaprank.errors import CapabilityError, ResponseError
from swaprank.prompt import Chat, Message, Slot, Span, user
from swaprank.requests import (
    Capability,
    Embed,
    Generate,
    Generated,
    LabelLogprobs,
    LabelScores,
    PairScore,
    SequenceLogprob,
)
from swaprank.scores import activation
from tests.backends.http.fake_server import FakeServer
from tests.conftest import MODELS

QUERY = "green tea"
PASSAGES = ["coffee", "tea leaves that are green", "green"]
RANKED = [1, 2, 0]
TOKENIZER = str(MODELS / "tiny-qwen3-lm")


def ask(fake: FakeServer, request: Any, /, **options: Any) -> Any:
    options = {"api": "openai-chat", "retries": 0, **options}
    [answer] = HttpBackend("tiny", HttpOptions(base_url=fake.url, **options)).run([request])
    if isinstance(answer, Exception):
        raise answer
    return answer


@pytest.mark.parametrize("api", ["vllm-score", "vllm-rerank", "jina-rerank", "cohere-rerank", "tei-rerank"])
@pytest.mark.parametrize("suffix", ["", "/", "/v1"])
def test_rerank_apis(api: str, suffix: str) -> None:
    with FakeServer() as server:
        backend = {"type": "http", "api": api, "base_url": server.url + suffix, "batch_size": 2}
        ranking = Reranker(method="cross-encoder", model="tiny", backend=backend).rerank(QUERY, PASSAGES)
    assert ranking.order == RANKED
    assert all(0 <= score <= 1 for score in ranking.scores)


@pytest.mark.parametrize("api", ["openai-embeddings", "tei-embed"])
def test_embedding_apis(api: str) -> None:
    with FakeServer() as server:
        backend = {"type": "http", "api": api, "base_url": server.url, "batch_size": 2}
        ranking = Reranker(method="bi-encoder", model="tiny", backend=backend).rerank(QUERY, PASSAGES)
    assert ranking.order == RANKED
    assert ranking.scores[1] == pytest.approx(1.0)


def test_raw_scores_are_asked_for_where_a_server_has_them() -> None:
    with FakeServer() as server:
        answer = ask(server, PairScore(QUERY, "green tea"), api="tei-rerank")
    assert (answer.logit, answer.activation) == (2.0, "sigmoid")
    assert answer.activated == activation.sigmoid(2.0)


@pytest.mark.parametrize("own", ["sigmoid", "identity"])
def test_the_models_own_activation_is_seen_at_one_pair(own: str) -> None:
    class Activating(FakeServer):
        def answer(self, path: str, body: dict[str, Any]) -> Any:
            found = super().answer(path, {**body, "use_activation": False})
            if body["use_activation"] and own == "sigmoid":
                for row in found["data"]:
                    row["score"] = activation.sigmoid(row["score"])
            return found

    with Activating() as server:
        assert ask(server, PairScore(QUERY, "green tea"), api="vllm-score").activation == own


def test_a_probability_keeps_its_value_and_has_a_logit() -> None:
    with FakeServer() as server:
        answer = ask(server, PairScore(QUERY, "green"), api="cohere-rerank")
    assert answer.activated == 0.01
    assert answer.logit == pytest.approx(math.log(0.01 / 0.99))


def test_scores_that_are_no_probabilities_are_not_taken_for_some() -> None:
    class Raw(FakeServer):
        def answer(self, path: str, body: dict[str, Any]) -> Any:
            return super().answer(path, {**body, "use_activation": False})

    with Raw() as server:
        with pytest.raises(ResponseError, match="scores: logit"):
            ask(server, PairScore(QUERY, "green tea"), api="jina-rerank")
        assert ask(server, PairScore(QUERY, "green tea"), api="jina-rerank", scores="logit").logit == 2.0


def test_pairs_that_no_server_can_build_are_refused() -> None:
    with FakeServer() as server:
        for pair in (PairScore("a", "b", label=1), PairScore("a", "b", truncation="sides")):
            with pytest.raises(ConfigError, match="transformers"):
                ask(server, pair, api="vllm-score")
    assert server.requests == []


def test_a_chat_is_sent_as_messages() -> None:
    chat = Chat(
        (Message("system", "Be brief."), Message("user", ("Tea? ", Slot("x" * 50, max_tokens=3)))), thinking=False
    )
    with FakeServer(reply=lambda body: "yes") as server:
        answer = ask(server, Generate(chat, max_tokens=5, stop=("END",), seed=3))
        ask(server, Generate(chat, max_tokens=5), server="vllm")
    assert isinstance(answer, Generated)
    assert (answer.text, answer.ending, answer.usage.input_tokens, answer.usage.output_tokens) == ("yes", "end", 8, 2)
    plain, vllm = server.bodies("/v1/chat/completions")
    # Without a tokenizer a token counts as four characters.
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Tea? " + "x" * 12}]
    assert plain == {
        "model": "tiny",
        "messages": turns,
        "max_completion_tokens": 5,
        "temperature": 0.0,
        "stop": ["END"],
        "seed": 3,
    }
    assert vllm["chat_template_kwargs"] == {"enable_thinking": False}
    assert vllm["repetition_penalty"] == 1.0


def test_reasoning_set_apart_is_put_back() -> None:
    class Reasoning(FakeServer):
        def _chat(self, body: dict[str, Any]) -> dict[str, Any]:
            choice = super()._chat(body)
            choice["message"]["reasoning_content"] = "Hm."
            return choice

    with Reasoning(reply=lambda body: "yes") as server:
        assert ask(server, Generate(user("Tea?"), max_tokens=5)).text == "<think>\nHm.\n</think>\n\nyes"


def test_the_beginning_of_an_answer() -> None:
    chat = Chat((Message("user", "Which?"),), start=" Passage:")
    with FakeServer(reply=lambda body: "Passage: B") as server:
        assert ask(server, Generate(chat, max_tokens=1)).text == " B"
        ask(server, Generate(chat, max_tokens=1), server="vllm")
        with pytest.raises(ConfigError, match="must begin with ' Passage:'"):
            ask(server, LabelLogprobs(chat, (" A", " B")))
    written, put = server.bodies("/v1/chat/completions")
    assert written["max_completion_tokens"] > 1
    assert put["messages"][-1] == {"role": "assistant", "content": " Passage:"}
    assert put["continue_final_message"] is True


def test_prompts_that_do_not_fit_the_api_are_refused_with_the_one_that_does() -> None:
    with FakeServer() as server:
        with pytest.raises(ConfigError, match="api: openai-completions"):
            ask(server, Generate("Once upon", max_tokens=3))
        with pytest.raises(ConfigError, match="api: openai-chat"):
            ask(server, Generate(user("Tea?"), max_tokens=3), api="openai-completions")
        with pytest.raises(ConfigError, match="tokenizer"):
            ask(server, Generate(Span(("a",)), max_tokens=3), api="openai-completions")
    assert server.requests == []


@pytest.mark.parametrize("api", ["openai-chat", "openai-completions"])
@pytest.mark.parametrize("kind", ["openai", "sglang", "llama.cpp", "tgi"])
def test_labels_by_text(api: str, kind: str) -> None:
    prompt = user("Tea?") if api == "openai-chat" else "Tea?"
    with FakeServer(top={"Yes": -0.1, "No": -2.5, "Maybe": -4.0}) as server:
        answer = ask(server, LabelLogprobs(prompt, ("No", "Yes")), api=api, server=kind)
    assert isinstance(answer, LabelScores)
    assert answer.logprobs == (-2.5, -0.1)


def test_a_label_that_is_not_among_the_likely_ones() -> None:
    request = LabelLogprobs(user("Tea?"), ("Yes", "Never"))
    with FakeServer(top={"Yes": -0.1, "No": -2.5}) as server:
        with pytest.raises(ResponseError, match=r"'Never' is not among.*missing_label: floor"):
            ask(server, request)
        assert ask(server, request, missing_label="floor").logprobs == (-0.1, -2.5)


@pytest.mark.parametrize("api", ["openai-chat", "openai-completions"])
def test_vllm_is_asked_for_the_very_tokens_by_its_own_tokenizer(api: str) -> None:
    class Vllm(FakeServer):
        def _chat(self, body: dict[str, Any]) -> dict[str, Any]:
            choice = super()._chat({**body, "logprobs": False})
            top = [{"token": f"token_id:{one}", "logprob": self.top[one]} for one in body["logprob_token_ids"]]
            choice["logprobs"] = {"content": [{"token": "token_id:5", "logprob": -0.01, "top_logprobs": top}]}
            return choice

    prompt = user("Tea?") if api == "openai-chat" else "Tea?"
    with Vllm(top={ord("Y"): -7.0, ord("N"): -9.5}) as server:
        answer = ask(server, LabelLogprobs(prompt, ("Yes", "No")), api=api, server="vllm")
        # One token is the word, as the method wants it; several are not.
        with pytest.raises(ConfigError, match="'Yes' is 3 tokens"):
            ask(server, LabelLogprobs(prompt, ("Yes",), single=True), api=api, server="vllm")
    assert answer.logprobs == (-7.0, -9.5)
    body = server.bodies("/v1/chat/completions" if api == "openai-chat" else "/v1/completions")[0]
    assert body["logprob_token_ids"] == [ord("Y"), ord("N")]
    assert body["return_tokens_as_token_ids"] is True


@pytest.mark.torch
def test_with_a_tokenizer_vllm_gets_the_tokens_that_transformers_reads() -> None:
    from tests.methods.llm import tokens

    own = tokens("tiny-qwen3-lm")
    passage = Slot("tea leaves <|im_end|> that are green", shrinks=True)
    prompts = [
        user("Is this about tea? ", passage, thinking=False),
        ("Passage: ", passage),
        Span(("a ", ("b", passage))),
    ]
    with FakeServer(top=dict.fromkeys(range(600), -1.0)) as server:
        for prompt in prompts:
            answer = ask(
                server,
                LabelLogprobs(prompt, ("Yes", "No")),
                api="openai-completions",
                server="vllm",
                tokenizer=TOKENIZER,
            )
            assert answer.logprobs == (-1.0, -1.0)
    bodies = server.bodies("/v1/completions")
    assert [body["prompt"] for body in bodies] == [own.encode(prompt).ids for prompt in prompts]
    assert bodies[0]["logprob_token_ids"] == [own.label("Yes"), own.label("No")]
    # The size of the context is asked for once.
    assert "/tokenize" not in server.paths


@pytest.mark.torch
def test_a_prompt_is_cut_to_what_the_server_takes() -> None:
    prompt = user("Is this about tea? ", Slot("green tea " * 900, shrinks=True))
    with FakeServer(top=dict.fromkeys(range(600), -1.0)) as server:
        answer = ask(
            server, LabelLogprobs(prompt, ("Yes",)), api="openai-completions", server="vllm", tokenizer=TOKENIZER
        )
    assert len(server.bodies("/v1/completions")[0]["prompt"]) <= 511
    assert answer.usage.cut == 1


@pytest.mark.torch
def test_sequence_log_probabilities_are_those_of_the_prompt() -> None:
    from tests.methods.llm import tokens

    own = tokens("tiny-qwen3-lm")
    prompt, after = own.encode("Passage: tea").ids, own.continuation("green tea")

    class Vllm(FakeServer):
        def _completion(self, body: dict[str, Any]) -> dict[str, Any]:
            told = [None, *({str(one): {"logprob": -one / 100}} for one in body["prompt"][1:])]
            return {**super()._completion(body), "prompt_logprobs": told}

    with Vllm() as server:
        options = {"api": "openai-completions", "server": "vllm", "tokenizer": TOKENIZER}
        answer = ask(server, SequenceLogprob("Passage: tea", "green tea"), **options)
    assert answer.logprobs == tuple(-one / 100 for one in after)
    assert server.bodies("/v1/completions")[0]["prompt"] == [*prompt, *after]


ABLE = {
    ("openai-chat", "openai"): {Capability.TEXT, Capability.LABEL_LOGPROBS},
    ("openai-completions", "vllm"): {Capability.TEXT, Capability.LABEL_LOGPROBS, Capability.SEQUENCE_LOGPROBS},
    ("openai-completions", "sglang"): {Capability.TEXT, Capability.LABEL_LOGPROBS},
    ("openai-embeddings", "openai"): {Capability.EMBEDDINGS},
}


@pytest.mark.parametrize(("api", "server"), ABLE)
def test_what_an_api_of_a_server_answers(api: str, server: Any) -> None:
    tokenizer = "t" if api == "openai-completions" else None
    options = HttpOptions(api=api, server=server, tokenizer=tokenizer)
    assert HttpBackend("m", options).capabilities == options.offered == ABLE[api, server]


@pytest.mark.parametrize(
    ("method", "api", "remedy"),
    [
        ("cross-encoder", "openai-chat", "such as vllm-score"),
        ("rankgpt", "cohere-rerank", "api: openai-chat"),
        ("bi-encoder", "vllm-score", "api: openai-embeddings"),
        ("pointwise-qlm", "openai-completions", "server: vllm and a tokenizer"),
    ],
)
def test_what_a_server_cannot_answer_fails_at_construction_with_what_can(method: str, api: str, remedy: str) -> None:
    with pytest.raises(CapabilityError, match=remedy):
        Reranker(method=method, model="m", backend={"type": "http", "api": api})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"api": "vllm-score", "server": "vllm"}, "for the openai apis"),
        ({"api": "vllm-score", "tokenizer": "t"}, "for language models"),
        ({"api": "openai-chat", "scores": "logit"}, "for rerank endpoints"),
        ({"api": "openai-chat", "base_url": "http://user:pass@host"}, "holds no user"),
        ({"api": "openai-chat", "base_url": "host:80"}, "is not an http address"),
        ({"api": "openai-chat", "base_url": "http://a", "base_urls": ["http://b"]}, "either base_url or base_urls"),
        ({"api": "openai-completions", "server": "tgi", "tokenizer": "t"}, "TGI takes no token ids"),
        ({"api": "openai"}, "api"),
        ({}, "api"),
    ],
)
def test_options_that_would_not_be_read_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Reranker(method="cross-encoder", model="m", backend={"type": "http", **options})


def test_keys_of_the_body_can_be_added_and_taken_away() -> None:
    with FakeServer() as server:
        extra = {"truncate": None}
        ask(server, Embed("tea", "query"), api="tei-embed", extra_body=extra)
    assert server.bodies("/embed") == [{"inputs": ["tea"]}]


def test_equal_requests_are_asked_once_unless_they_draw_lots() -> None:
    with FakeServer() as server:
        backend = HttpBackend("tiny", HttpOptions(api="openai-chat", base_url=server.url))
        same = Generate(user("Tea?"), max_tokens=3)
        lots = Generate(user("Tea?"), max_tokens=3, temperature=1.0)
        assert len(backend.run([same, same, lots, lots])) == 4
    assert len(server.requests) == 3
