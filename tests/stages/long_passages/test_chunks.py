"""Chunks hold whole sentences, as many as fit, begin with some of the last one, and lose nothing of the text."""

import random

import pytest

from swaprank.stages.long_passages.chunks import chunks, estimated_starts, units


def cut(text: str, split: int, overlap: int) -> list[str]:
    return [text[start:end] for start, end in chunks(units(text, estimated_starts(text), split), split, overlap)]


def test_sentences_are_kept_whole_and_overlap() -> None:
    text = "One two three. Four five six. Seven eight nine. Ten more words."
    assert cut(text, 8, 0) == ["One two three. Four five six.", "Seven eight nine. Ten more words."]
    assert cut(text, 8, 4) == [
        "One two three. Four five six.",
        "Four five six. Seven eight nine.",
        "Seven eight nine. Ten more words.",
    ]


def test_a_long_sentence_is_cut_between_words_and_a_long_word_between_letters() -> None:
    assert cut("one two three four five six", 4, 0) == ["one two three four", "five six"]
    assert cut("x" * 60, 4, 0) == ["x" * 24, "x" * 24, "x" * 12]
    assert cut("茶" * 10, 4, 0) == ["茶" * 4, "茶" * 4, "茶" * 2]


@pytest.mark.parametrize("overlap", [0, 8, 16])
def test_nothing_is_lost_and_nothing_is_longer(overlap) -> None:
    chance = random.Random(3)
    for _ in range(200):
        text = "".join(chance.choices(["tea ", "is. ", "hot? ", "茶", "。", "\n\n", "unbelievably ", "x" * 40], k=60))
        starts = estimated_starts(text)
        spans = chunks(units(text, starts, 32), 32, overlap)
        assert all(sum(start <= at < end for at in starts) <= 32 for start, end in spans)
        assert [start for start, _ in spans] == sorted({start for start, _ in spans})
        kept = {place for start, end in spans for place in range(start, end)}
        assert all(text[place].isspace() for place in range(len(text)) if place not in kept)


def test_the_estimate_is_near_and_rather_too_high() -> None:
    text = "Green tea is made from leaves that have not undergone withering and oxidation. It originated in China."
    assert 20 <= len(estimated_starts(text)) <= 32
