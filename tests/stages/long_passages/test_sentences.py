"""Sentences end where readers of each script would end them, and spans are never lost or cut through."""

import random

import pytest

from swaprank.stages.long_passages.sentences import sentences


@pytest.mark.parametrize(
    "expected",
    [
        ["Tea is hot.", "Is it?", "Yes!"],
        ["Dr. Smith met J. R. Brown at 3.14 p.m. in the U.S. embassy.", "They talked."],
        ["He said “no.”", "She left (at once.)", "Good."],
        ["See fig. 3 and pp. 4 to 9, e.g. the table.", "It helps."],
        ["Wait... and see.", "Now."],
        ["ما هو الشاي؟", "الشاي مشروب ساخن.", "يشرب كل يوم."],
        ["یہ کیا ہے؟", "یہ چائے ہے۔", "اچھا۔"],
        ["चाय क्या है?", "चाय एक पेय है।", "यह गरम है॥"],
        ["Où est-il ?", "Il est là !"],
    ],
)
def test_with_blanks(expected) -> None:
    text = " ".join(expected)
    assert [text[start:end] for start, end in sentences(text)] == expected


@pytest.mark.parametrize(
    "expected",
    [["茶是什么？", "茶是一种饮料。", "很热！"], ["「お茶です。」", "熱いです。"]],
)
def test_without_blanks(expected) -> None:
    text = "".join(expected)
    assert [text[start:end] for start, end in sentences(text)] == expected


def test_lines() -> None:
    text = (
        "Making tea\n\n1. Boil the water.\n2. Pour it\n- over the leaves\n- slowly\n\n"
        "A long line of prose that was broken to a width of sixty letters\nand goes on here. Done."
    )
    assert [text[start:end] for start, end in sentences(text)] == [
        "Making tea",
        "1. Boil the water.",
        "2. Pour it",
        "- over the leaves",
        "- slowly",
        "A long line of prose that was broken to a width of sixty letters\nand goes on here.",
        "Done.",
    ]


def test_nothing_but_white_space_is_left_out() -> None:
    chance = random.Random(5)
    for _ in range(300):
        text = "".join(chance.choices("ab A.!?…。؟।\n\t\"' 1)e.g. -", k=80))
        spans = sentences(text)
        assert spans == sorted(spans) and all(start < end for start, end in spans)
        assert (
            "".join(text[start:end] for start, end in spans).split()
            == "".join(text[start:end] for start, end in spans).split()
        )
        kept = {place for start, end in spans for place in range(start, end)}
        assert all(text[place].isspace() for place in range(len(text)) if place not in kept)


def test_long_texts_take_linear_time() -> None:
    assert len(sentences("word " * 200_000)) == 1
    assert len(sentences("a. " * 100_000)) >= 1
    assert len(sentences("." * 200_000)) == 1
    assert len(sentences("\n" * 200_000)) == 0
