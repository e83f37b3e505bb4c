"""Parity of ReasonRank and Rearank with their official codes."""

import re

import pytest

from swaprank import Passage, Reranker
from swaprank.requests import Generated
from swaprank.testing import ScriptedBackend
from tests.conftest import golden
from tests.methods.recorded import assert_messages, first_prompt, messages, same_text, skip_if_cut

REASONRANK, REARANK = golden("reasonrank"), golden("rearank")


def ranked(config: dict, raw: str, n: int):
    backend = ScriptedBackend(lambda request: Generated(raw))
    given = [f"text {place}" for place in range(n)]
    return Reranker({"model": "scripted", **config}, backend=backend).rerank("query", given)


@pytest.mark.parametrize(
    "case", REASONRANK["cases"], ids=lambda case: f"{case['input']}-{case['config']['prompt_mode']}"
)
def test_reasonrank_prompt(case) -> None:
    """Slots are whole here; where the recorded prompt has a passage cut to 512 tokens, ours begins with it."""
    config = {"method": "reasonrank", "prompt_mode": case["config"]["prompt_mode"]}
    prompt = first_prompt(config, case["input"])
    (_, system), (_, content) = messages(prompt)
    full = f"<|im_start|>system\n{system}<|im_end|><|im_start|>user\n{content}<|im_end|><|im_start|>assistant"
    recorded = case["prompts"][0]
    skip_if_cut(full, recorded)
    if case["input"] != "edge":
        assert same_text(full, recorded)
        return
    lines, ours = recorded.split("\n"), full.split("\n")
    assert len(lines) == len(ours)
    cut = [place for place, pair in enumerate(zip(lines, ours, strict=True)) if pair[0] != pair[1]]
    assert len(cut) == 1
    assert ours[cut[0]].startswith(lines[cut[0]])
    slots = [part for part in prompt.messages[1].content if not isinstance(part, str)]
    assert {slot.max_tokens for slot in slots[1:-1]} == {case["config"]["max_passage_length"]}


@pytest.mark.parametrize("case", REASONRANK["parser_cases"], ids=lambda case: repr(case["raw"])[:50])
def test_reasonrank_replies(case) -> None:
    official = ranked({"method": "reasonrank", "official_parser": True}, case["raw"], case["n"])
    assert official.order == case["permutation"]
    ranking = ranked({"method": "reasonrank"}, case["raw"], case["n"])
    if not re.search("<think>(?!.*<answer>)", case["raw"].lower(), re.DOTALL):
        assert ranking.order == case["permutation"]


def test_numbers_of_the_reasoning_are_not_a_ranking() -> None:
    ranking = ranked({"method": "reasonrank"}, "<think>long thinking [4] [5]", 5)
    assert (ranking.order, ranking.repairs) == ([0, 1, 2, 3, 4], 5)
    assert ranked({"method": "reasonrank"}, "<think>[4]</think> [2] > [1]", 5).order == [1, 0, 2, 3, 4]
    said = ranked({"method": "reasonrank"}, "<think> As [1] says. </think><answer>[2] > [1]</answer>", 2)
    assert said.passages[0].reasoning == "As [1] says."


def test_an_open_answer_tag_in_capitals_is_no_tag_officially() -> None:
    said = "[2] <ANSWER> [3]"
    assert ranked({"method": "reasonrank", "official_parser": True}, said, 3).order == [1, 2, 0]
    assert ranked({"method": "reasonrank"}, said, 3).order == [2, 0, 1]


@pytest.mark.parametrize("case", REARANK["cases"], ids=lambda case: f"{case['input']}-{case['variant']}")
def test_rearank_prompt(case) -> None:
    assert_messages(first_prompt({"method": "rearank", "variant": case["variant"]}, case["input"]), case["prompts"][0])


@pytest.mark.parametrize("case", REARANK["parser_cases"], ids=lambda case: repr(case["raw"])[:50])
def test_rearank_replies(case) -> None:
    assert ranked({"method": "rearank"}, case["raw"], case["n"]).order == case["permutation"]


def test_the_official_parser_of_rearank_drops_thinking_that_was_opened() -> None:
    def order(raw: str) -> list[int]:
        return ranked({"method": "rearank", "official_parser": True}, raw, 4).order

    assert order("<think>[3]</think>[4] > [1]") == [3, 0, 1, 2]
    assert order("[3]</think>[4] > [1]") == [2, 3, 0, 1]
    assert order("<answer><think>[3]</think>[4] > [1]</answer>") == [3, 0, 1, 2]
    assert order("<think>[3] <answer>[2]</answer></think>[4]") == [1, 0, 2, 3]
    assert order("<think>[3] > [2]") == [2, 1, 0, 3]


def test_rearank_does_not_read_answers_inside_the_thinking() -> None:
    said = "<think>I will write <answer>[1] > [2]</answer></think><answer>[3] > [1]</answer>"
    assert ranked({"method": "rearank"}, said, 3).order == [2, 0, 1]
    assert ranked({"method": "rearank", "official_parser": True}, said, 3).order == [0, 1, 2]
    assert ranked({"method": "rearank"}, "<think>never closed <answer>[3] > [1]</answer>", 3).order == [2, 0, 1]
    assert ranked({"method": "rearank"}, "<answer>[3] > [1]</answer></think>", 3).order == [2, 0, 1]


def test_reasonrank_strips_and_keeps_entities_of_the_query() -> None:
    backend = ScriptedBackend(lambda request: Generated(""))
    given = [Passage("A&amp;B [12] \n", title="T"), Passage(" x ")]
    Reranker({"method": "reasonrank", "model": "scripted"}, backend=backend).rerank(" A&amp;B [7]’s ", given)
    shown = messages(backend.requests[0].prompt)[1][1]
    assert shown.count("query: A&amp;B (7)'s.\n") == 1
    assert shown.count("Query: A&amp;B (7)'s.\n") == 1
    assert "[1] Title: T Content: A&B (12)\n[2] x\n" in shown


def test_rearank_drops_the_mark_of_an_empty_title_before_it_cuts() -> None:
    backend = ScriptedBackend(lambda request: Generated(""))
    config = {"method": "rearank", "model": "scripted", "max_characters": 20}
    given = [Passage("Title: Content: one two"), Passage("x", title="T")]
    Reranker(config, backend=backend).rerank("query", given)
    turns = [said for _, said in messages(backend.requests[0].prompt)]
    assert "[1] one two" in turns
    assert "[2] Title: T Content: x" in turns


def test_reasonrank_neutralises_numbers_before_the_cut() -> None:
    """Officially after it: a cut inside the number leaves a bracket there, and a parenthesis here."""
    prompt = first_prompt({"method": "reasonrank", "max_passage_length": 7}, "happy", ["see [12] here", "b"])
    slots = [part for part in prompt.messages[1].content if not isinstance(part, str)]
    assert (slots[1].text, slots[1].max_tokens) == ("see (12) here", 7)
