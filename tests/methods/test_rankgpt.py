"""Parity of RankGPT with its official code."""

import pytest

from swaprank import Passage, Reranker
from swaprank.requests import Generated
from swaprank.testing import ScriptedBackend
from tests.conftest import golden
from tests.methods.recorded import INPUTS, assert_messages, first_prompt, messages, same_text, texts

RECORDED = golden("rankgpt")


@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: case["input"])
def test_prompt(case) -> None:
    assert_messages(first_prompt({"method": "rankgpt"}, case["input"]), case["prompts"][0])


@pytest.mark.parametrize("case", RECORDED["parser_cases"], ids=lambda case: repr(case["raw"])[:40])
def test_replies(case) -> None:
    backend = ScriptedBackend(lambda request: Generated(case["raw"]))
    ranking = Reranker({"method": "rankgpt", "model": "scripted", "official_parser": True}, backend=backend).rerank(
        "query", [f"text {place}" for place in range(case["n"])]
    )
    if isinstance(case["permutation"], list):
        assert ranking.order == case["permutation"]
    assert len(backend.requests) == 1


def test_reasoning_is_not_a_ranking_unless_parity_is_asked_for() -> None:
    backend = ScriptedBackend(lambda request: Generated("<think>[3] looks best</think> [2] > [1] > [3]"))
    config = {"method": "rankgpt", "model": "scripted"}
    ranking = Reranker(config, backend=backend).rerank("query", ["a", "b", "c"])
    assert ranking.order == [1, 0, 2]
    assert ranking.repairs == 0
    assert ranking.passages[0].reasoning == "[3] looks best"
    assert Reranker({**config, "official_parser": True}, backend=backend).rerank("query", ["a", "b", "c"]).order[0] == 2


def test_a_reply_has_room_for_every_identifier() -> None:
    backend = ScriptedBackend(lambda request: Generated(""))
    Reranker({"method": "rankgpt", "model": "scripted"}, backend=backend).rerank("query", texts("edison"))
    assert backend.requests[0].max_tokens >= len("[1] > [2] > [3] > [4] > [5]")


def test_the_text_of_a_slot_is_the_passage() -> None:
    prompt = first_prompt({"method": "rankgpt", "max_words": 3}, "edison")
    assert prompt.messages[3].content[1].text == "Lightning strike at"
    assert same_text(prompt.messages[1].content[3].text, INPUTS["edison"]["query"])


def test_titles_are_written_as_in_the_official_collections() -> None:
    backend = ScriptedBackend(lambda request: Generated(""))
    given = [Passage("one", title="T"), Passage("Title: Content: two")]
    Reranker({"method": "rankgpt", "model": "scripted"}, backend=backend).rerank("query", given)
    turns = [said for _, said in messages(backend.requests[0].prompt)]
    assert "[1] Title: T Content: one" in turns
    assert "[2] two" in turns


def test_replies_can_be_drawn_at_random() -> None:
    for temperature in (0, 0.5):
        backend = ScriptedBackend(lambda request: Generated("[2] > [1]"))
        config = {"method": "rankgpt", "model": "scripted", "temperature": temperature}
        Reranker(config, backend=backend).rerank("query", ["a", "b"])
        assert backend.requests[0].temperature == temperature
