"""No secret of a config is in an error, a repr or what `to_config` gives back."""

import json

import pytest

from swaprank import ConfigError, Reranker
from swaprank.masking import masked, shown

KEY = "hunter2secret"
HTTP = {"type": "http", "api": "cohere-rerank", "api_key": KEY}
SINGLE = {"method": "cross-encoder", "model": "m", "backend": HTTP}


def config(**backend) -> dict:
    return {"method": "cross-encoder", "model": "m", "backend": {"type": "http", "api": "cohere-rerank", **backend}}


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": "bm25", "on_error": {"fallbak": SINGLE}},
        {"method": "bm25", "on_error": {"fallback": SINGLE, "retries": 2}},
        {"method": "bm25", "on_error": [SINGLE]},
        {"method": "bm25", "on_error": {"fallback": [SINGLE]}},
        {"stages": SINGLE},
        {"stages": {"first": SINGLE}},
        {"stages": ["bm25", [SINGLE]]},
        {"fusion": "rrf", "of": SINGLE},
        {"fusion": "rrf", "of": [[SINGLE]]},
        {"fusion": SINGLE, "of": ["bm25"]},
        {"fusion": "rrf", "with": [SINGLE]},
        {"method": SINGLE},
        {"method": "cross-encoder", "model": SINGLE},
        {"method": "cross-encoder", "model": [HTTP]},
        {"method": "bm25", "model": SINGLE},
        {"method": "cross-encoder", "model": "m", "backend": [HTTP]},
        {"method": "cross-encoder", "model": "m", "backend": {"type": HTTP}},
        {"method": "cross-encoder", "model": "m", "backend": {"http": HTTP}},
        {"method": "rankgpt", "model": "m", "strategy": HTTP},
        {"method": "rankgpt", "model": "m", "strategy": {"type": HTTP}},
        {"method": "rankgpt", "model": "m", "window_size": HTTP},
        {
            "method": "rankgpt",
            "model": "m",
            "window_size": 3,
            "strategy": {"type": "sliding-window", "window_size": HTTP},
        },
        {"reranker": [SINGLE]},
        {"reranker": SINGLE, "method": "bm25"},
        {"decomposition": SINGLE, "model": "m"},
        {"decomposition": "original", "model": "m", "rerank": [SINGLE]},
        {"method": "bm25", "top_n": SINGLE},
        {"method": "bm25", "timeout": f"https://user:{KEY}@host"},
        {"reranker": f"https://user:{KEY}@host/model"},
        {"method": f"user:{KEY}@host"},
        {"method": "bm25", f"https://user:{KEY}@host": 1},
        {"method": "bm25", "backend": {f"api_key {KEY}": None}},
        {"method": "bm25", "backend": f"http api_key={KEY}"},
        config(base_url=f"http://user:{KEY}@host"),
        config(base_url=f"user:{KEY}@host"),
        config(base_url=f"ftp://host/?key={KEY}"),
        config(base_urls=f"http://user:{KEY}@host"),
        config(base_urls=["http://a", f"//user:{KEY}@host"]),
        config(api_key=[KEY]),
        config(api_key={"key": KEY}),
        config(api_key=KEY, headers=KEY),
        config(api_key=KEY, headers={"X-Key": [KEY]}),
        config(api_key=KEY, extra_body=KEY),
        config(api_key=KEY, extra_body=[KEY]),
        config(api_key=KEY, retries=-1, extra_body={"key": KEY}),
        config(api_key=KEY, server="vllm"),
        config(timeout=f"Bearer {KEY}"),
        config(timeout="sk-live-0123456789abc"),
    ],
    ids=str,
)
def test_a_wrong_value_is_shown_without_secrets(wrong) -> None:
    for make in (lambda: Reranker(wrong), lambda: Reranker(**wrong)):
        with pytest.raises(ConfigError) as caught:
            make()
        error: BaseException | None = caught.value
        while error is not None:
            assert KEY not in str(error)
            assert "sk-live" not in str(error)
            error = error.__cause__ or error.__context__


def test_a_wrong_address_in_a_file_name_is_shown_without_its_password() -> None:
    with pytest.raises(ConfigError) as caught:
        Reranker(f"https://user:{KEY}@host/reranker.yaml")
    assert KEY not in str(caught.value)


def test_a_literal_stays_out_and_its_reference_in_at_any_depth(monkeypatch) -> None:
    literal = {"method": "cross-encoder", "model": "m", "backend": {"type": "transformers", "token": "hf_secret"}}
    reranker = Reranker(literal)
    assert "hf_secret" not in repr(reranker)
    assert reranker.to_config()["backend"] == {"type": "transformers"}
    nested = Reranker({"stages": [literal], "on_error": {"fallback": {**literal, "backend": {"token": "hf_secret"}}}})
    assert "hf_secret" not in json.dumps(nested.to_config())
    assert "hf_secret" not in repr(nested)

    referenced = {**literal, "backend": {"type": "transformers", "token": "${SWAPRANK_TEST_TOKEN}"}}
    with pytest.raises(ConfigError, match="'SWAPRANK_TEST_TOKEN', which is not set"):
        Reranker(referenced)
    monkeypatch.setenv("SWAPRANK_TEST_TOKEN", "hf_secret")
    assert Reranker(referenced).to_config() == referenced


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("cross-encoder/ms-marco-MiniLM-L6-v2", "'cross-encoder/ms-marco-MiniLM-L6-v2'"),
        ("jina-reranker-v2-base-multilingual", "'jina-reranker-v2-base-multilingual'"),
        ("/data/models/Qwen3-Reranker-8B", "'/data/models/Qwen3-Reranker-8B'"),
        ("http://127.0.0.1:8000/v1", "'http://127.0.0.1:8000/v1'"),
        (7, "7"),
        ([], "[]"),
        ({}, "{}"),
        ({"type": KEY, "b": 2}, "a mapping with 'type', 'b'"),
        ([KEY, KEY], "a list of 2"),
        (KEY.encode(), "13 bytes"),
        ("x" * 1000, f"'{'x' * 79}..."),
        (f"https://user:{KEY}@host/v1?key={KEY}", "'https://***@host/v1?***'"),
        (f"https://host/v1#{KEY}", "'https://host/v1#***'"),
        ("hf_abcdefgh", "'***'"),
    ],
    ids=str,
)
def test_ordinary_values_are_shown_as_they_are(value, text) -> None:
    assert shown(value) == text


def test_messages_of_ours_stay_as_they_are() -> None:
    for sentence in (
        "an address holds no user, password or query: put keys into api_key or headers",
        "tokenizer, top_logprobs and missing_label are for language models, not for cohere-rerank",
        "Input should be a valid integer, unable to parse string as an integer",
    ):
        assert masked(sentence) == sentence


@pytest.mark.parametrize("literal", [KEY, "${A}" + KEY, KEY + "${A}", "${" + KEY, "Bearer " + KEY, "Bearer ${A}" + KEY])
def test_literals_stay_out_and_references_stay_in(monkeypatch, literal) -> None:
    monkeypatch.setenv("A", "x")
    body = {"key": literal, "top": 5, "inner": {"user": literal, "on": True, "ids": [literal, 1]}}
    headers = {"X-Key": literal, "X-Other": "${A}", "Authorization": "Bearer ${A}"}
    reranker = Reranker(config(api_key=literal, headers=headers, extra_body=body))
    assert reranker.to_config()["backend"] == {
        "type": "http",
        "api": "cohere-rerank",
        "headers": {"X-Other": "${A}", "Authorization": "Bearer ${A}"},
        "extra_body": {"top": 5, "inner": {"on": True, "ids": [1]}},
    }
    options = reranker._stage.ranker.backend.options
    for text in (repr(reranker), json.dumps(reranker.to_config()), repr(options), str(options)):
        assert literal not in text
    assert options.api_key.get_secret_value() == literal
    Reranker(reranker.to_config())


def test_a_reference_is_expanded_behind_an_authorization_scheme(monkeypatch) -> None:
    monkeypatch.setenv("SWAPRANK_TEST_KEY", f"\t{KEY}\r\n")
    headers = {"Authorization": "Bearer ${SWAPRANK_TEST_KEY}", "X-Key": "${SWAPRANK_TEST_KEY}"}
    reranker = Reranker(config(headers=headers, extra_body={"keys": ["${SWAPRANK_TEST_KEY}"]}))
    options = reranker._stage.ranker.backend.options
    sent = {name: value.get_secret_value() for name, value in options.headers.items()}
    assert sent == {"Authorization": f"Bearer {KEY}", "X-Key": KEY}
    assert options.extra_body == {"keys": [KEY]}
    assert reranker.to_config()["backend"]["headers"] == headers
    assert Reranker(reranker.to_config()).to_config() == reranker.to_config()


@pytest.mark.parametrize("name", ["", "NOT_SET", "\ud800", "a\0b", "a=b"])
def test_a_variable_that_cannot_be_read_is_named(name) -> None:
    with pytest.raises(ConfigError, match=r"which is not set|half a surrogate pair"):
        Reranker(config(api_key="${" + name + "}"))


def test_a_variable_that_is_not_text_is_refused(monkeypatch) -> None:
    monkeypatch.setenv("SWAPRANK_TEST_KEY", f"{KEY}\udcff")
    with pytest.raises(ConfigError, match="'SWAPRANK_TEST_KEY' is not text in UTF-8") as caught:
        Reranker(config(api_key="${SWAPRANK_TEST_KEY}"))
    assert KEY not in str(caught.value)


def test_a_value_that_cannot_be_written_is_shown_by_its_type() -> None:
    assert shown(10**5000) == "of type int"
