"""Any text becomes a permutation: recorded replies, odd digits, letters, and the time it takes."""

import random
import sys

import pytest

from swaprank.replies.parts import after_thinking, tagged, thinking, thought_and_answered
from swaprank.replies.permutation import Permutation, Reader, completed
from tests.conftest import golden

OFFICIAL = Reader(reasoning="read")
PLAIN = [
    (name, case)
    for name, key in (("rankgpt", "parser_cases"), ("rankzephyr", "parser_cases"), ("first", "parser_cases_numbers"))
    for case in golden(name)[key]
]


@pytest.mark.parametrize(("name", "case"), PLAIN, ids=lambda value: repr(value)[:40])
def test_numbers_as_recorded(name, case) -> None:
    found = OFFICIAL.read(case["raw"], case["n"])
    assert sorted(found.order) == list(range(case["n"]))
    if isinstance(case["permutation"], list):
        assert found.order == case["permutation"]
    else:  # the official code raises
        assert "²" in case["raw"]
    if "<think>" not in case["raw"]:
        assert Reader().read(case["raw"], case["n"]) == found


@pytest.mark.parametrize("case", golden("first")["parser_cases_letters"], ids=lambda case: case["raw"])
def test_letters_as_recorded(case) -> None:
    for identifiers in ("letters", "letter-runs"):
        assert Reader(identifiers=identifiers).read(case["raw"], case["n"]).order == case["permutation"]


@pytest.mark.parametrize(
    ("raw", "order", "repairs"),
    [
        ("[3] > [1] > [2]", [2, 0, 1], 0),
        ("[3] > [1]", [2, 0, 1], 1),
        ("[3] > [3] > [1] > [2]", [2, 0, 1], 1),
        ("[3] > [7] > [0] > [1] > [2]", [2, 0, 1], 2),
        ("", [0, 1, 2], 3),
        ("none of them", [0, 1, 2], 3),
        ("<think>[3] is best</think> [2] > [1] > [3]", [1, 0, 2], 0),
        ("<think>[3] is best, but", [0, 1, 2], 3),
        ("[٣] > [２] > [1]", [2, 1, 0], 0),
        ("9" * 5000 + " 2 1 3", [1, 0, 2], 1),
        ("0" * 5000 + "2 1 3", [1, 0, 2], 0),
    ],
)
def test_repairs_are_counted(raw, order, repairs) -> None:
    found = Reader().read(raw, 3)
    assert (found.order, found.repairs) == (order, repairs)


def test_letters_of_words_are_no_identifiers() -> None:
    letters = Reader(identifiers="letters")
    assert letters.read("Sure, I think [C] > [A]", 20).order[:2] == [2, 0]
    assert letters.read("Answer: C > A", 3).order == [2, 0, 1]
    assert letters.read("SURE", 20).repairs == 20


def test_brackets_and_odd_digits() -> None:
    assert Reader(brackets="prefer").read("1. [3]\n2. [2]\n3. [1]", 3).order == [2, 1, 0]
    assert Reader(brackets="prefer").read("3 > 2 > 1", 3).order == [2, 1, 0]
    assert Reader(brackets="only").read("3 > 2 > 1", 3).repairs == 3
    assert Reader(odd_digits="skip").read("² > [3]", 3).order == [2, 0, 1]
    assert Reader(odd_digits="normalize").read("² > ① > ３", 3).order == [1, 0, 2]
    assert Reader(odd_digits="normalize").read("፪ > [3]", 3).repairs == 3
    assert Reader(odd_digits="refuse").read("² > [3]", 3).repairs == 3


def test_digits_are_normalised_as_in_rank_llm() -> None:
    """Its table, no more: a fraction or a circled ten is no identifier, and a digit beside it refuses the reply."""
    reader = Reader(odd_digits="normalize")
    assert reader.read("❷ > 🄀 > ３ > 1²", 12).order[:3] == [1, 2, 11]
    assert reader.read("½ > ⑩ > [3]", 3).order == [2, 0, 1]
    assert reader.read("⑴ > [3]", 3).repairs == 3


def test_runs_of_letters_spell_numbers_as_in_rank_llm() -> None:
    """What its parser reads under use_alpha: each letter's place in the alphabet, written side by side."""
    reader = Reader(identifiers="letter-runs", reasoning="closed")
    assert reader.read("[B] > [A]", 3).order == [1, 0, 2]
    assert reader.read("AB > C", 12).order[:2] == [11, 2]
    assert reader.read("Sure: B² A", 3).order == [1, 0, 2]
    assert reader.read("[a] > [Ä]", 3).repairs == 5
    assert reader.read("<think>[C]</think>[B]", 3).order == [1, 0, 2]


def test_every_digit_of_unicode_is_known() -> None:
    """A run of anything that isdigit() is one run, or int() would be asked about half of it."""
    digits = "".join(letter for letter in map(chr, range(sys.maxunicode + 1)) if letter.isdigit())
    assert Reader().read(digits, 5).order == [0, 1, 2, 3, 4]
    for letter in digits:
        assert Reader(odd_digits="refuse").read(f"1{letter}1 2", 2).order in ([0, 1], [1, 0])
        assert Reader().read(f"2{letter}2 1", 2).order == [0, 1]


def test_completed_keeps_what_is_missing_in_order() -> None:
    assert completed([3, 1, 3, -1, 9], 5, 5) == Permutation([3, 1, 0, 2, 4], 6)
    assert completed([], 0, 0) == Permutation([], 0)


def test_parts_of_a_reply() -> None:
    assert after_thinking("a</think>b</think>c") == "c"
    assert after_thinking("<think>a") == ""
    assert after_thinking("a") == "a"
    assert thinking("<think> why </think> [1]") == "why"
    assert thinking("why</think> [1]") == "why"
    assert thinking("<think>cut") == "cut"
    assert thinking("[1]") is None
    assert tagged("<answer>a</answer><answer>b</answer>", "answer") == "a"
    assert tagged("<answer>a", "answer") is None
    assert thought_and_answered("<think>x</think> \n <answer>a</answer>") == "a"
    assert thought_and_answered("<think>x</think> so <answer>a</answer>") is None
    assert thought_and_answered("<think>x <answer>a</answer></think><answer>b</answer>") == "b"
    assert thought_and_answered("<think></think>" * 3 + "<answer>a") is None


def test_hostile_replies_are_read_in_linear_time() -> None:
    """Quadratic parsers take minutes here."""
    size = 100_000
    hostile = ["[" * size, "[1" * size, "<think>" * size, "</think>" * size, "<think></think>" * size, "1" * size]
    hostile += ["[ " * size, "<answer>" * size, "² " * size, "A " * size, "<think>" + "</think> \n" * size]
    for text in hostile:
        for reader in (
            Reader(),
            Reader(brackets="prefer", odd_digits="normalize"),
            Reader(identifiers="letters"),
            Reader(identifiers="letter-runs"),
        ):
            assert sorted(reader.read(text, 20).order) == list(range(20))
        thought_and_answered(text)
        tagged(text, "answer")


def test_any_text_gives_a_permutation() -> None:
    chance = random.Random(11)
    for _ in range(2000):
        text = "".join(chance.choice("[]<>/thinkansw 0123456789²①٣AB=>\n\ud800") for _ in range(chance.randint(0, 60)))
        for reader in (Reader(), OFFICIAL, Reader(identifiers="letters"), Reader(first=0, brackets="only")):
            n = chance.randint(0, 12)
            assert sorted(reader.read(text, n).order) == list(range(n))
