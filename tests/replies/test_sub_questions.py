"""Reading sub-questions out of whatever an LLM writes."""

import pytest

from swaprank.replies.sub_questions import parse
from tests.conftest import golden

RECORDED = golden("question-decomposition")
QUESTION = RECORDED["original_question_for_parser_cases"]


@pytest.mark.parametrize("case", RECORDED["parser_cases"], ids=lambda case: case["raw"][:40])
def test_recorded(case) -> None:
    assert list(parse(case["raw"], QUESTION, 5).questions) == case["recommended"]


@pytest.mark.parametrize(
    "text", ["", " \n", "The question is simple and needs no decomposition.", "<think>1. a?", "[1]", "{}", "Sorry!"]
)
def test_malformed(text) -> None:
    assert parse(text, QUESTION, 5) == parse("", QUESTION, 5)
    assert parse(text, QUESTION, 5).malformed


@pytest.mark.parametrize(
    "text",
    ["NONE", "none.", "1. NONE", "[]", '{"sub_questions": []}', QUESTION, "<think>hm</think> None", f"1. {QUESTION}"],
)
def test_nothing_to_split_is_an_answer(text) -> None:
    parsed = parse(text, QUESTION, 5)
    assert parsed.questions == () and not parsed.malformed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Bubye River >> country\nwhat is the waterfall in #1",
            ["Bubye River >> country", "what is the waterfall in #1"],
        ),
        ("Here they are:\nwho wrote A\nwho wrote B\nEnjoy!", ["who wrote A", "who wrote B"]),
        ("[1] is not JSON?", ["[1] is not JSON?"]),
        ("* **Who wrote A?**\n* Who wrote B? *", ["Who wrote A?", "Who wrote B?"]),
        ("1) What is 3.5% of 7?\n2) 3.5% of 8?", ["What is 3.5% of 7?", "3.5% of 8?"]),
        ('{"steps": [{"query": "A?", "why": "B?"}, {"query": "C?"}]}', ["A?", "C?"]),
        ("谁写了A？\n谁写了B？", ["谁写了A？", "谁写了B？"]),
        ("Who wrote #1?\nWho wrote #2?", ["Who wrote #1?", "Who wrote #2?"]),
        ("Who wrote A?\nWho wrote B?\nHope this helps", ["Who wrote A?", "Who wrote B?"]),
        ("Of course\nWho wrote A?\n\nEnjoy your search 😊", ["Who wrote A?"]),
        ('```json\n["A?", "B?"]\n``` and ```python\nprint()\n```', ["A?", "B?"]),
        ('```\nnot JSON\n``` but ```["A?"]```', ["A?"]),
    ],
)
def test_lists(text, expected) -> None:
    assert list(parse(text, QUESTION, 5).questions) == expected


def test_the_limit() -> None:
    assert parse("1. a?\n2. b?\n3. c?", QUESTION, 2).questions == ("a?", "b?")


@pytest.mark.parametrize("depth", [500, 900, 2_000, 5_000, 100_000])
def test_deep_nesting_does_not_break_it(depth) -> None:
    assert parse("[" * depth + "]" * depth, QUESTION, 5).malformed


@pytest.mark.parametrize(
    "text",
    [
        "```" + "a" * 3_000_000,
        "```json " * 300_000,
        "``` " + " " * 3_000_000,
        "`" * 300_001,
        "<think>" * 300_000,
        "," * 3_000_000 + "[",
        "[" + ", " * 1_000_000 + "x",
        "*" * 1_000_000 + "\n" + "(1" * 1_000_000,
    ],
    ids=lambda text: text[:8],
)
def test_no_reply_takes_more_than_linear_time(text) -> None:
    """A reader that goes over the rest of a reply for each of its characters would be busy with these for days."""
    assert len(parse(text, QUESTION, 5).questions) <= 5
