"""Occurrences are counted as `str.count` counts them, whatever the strings and however many there are."""

import random

import pytest

from swaprank.backends.embedded.occurrences import occurrences

ALPHABETS = {
    "few": "ab ",
    "latin": "abcdefghij klmnopqrst",
    "scripts": "aé ß中文字日本語ا ب\U0001f375\ud800",
    "many": "".join(map(chr, range(0x4E00, 0x4E00 + 400))),
}


@pytest.mark.parametrize("alphabet", ALPHABETS.values(), ids=ALPHABETS.keys())
@pytest.mark.parametrize("count", [1, 20, 500])
def test_they_are_those_of_str_count(alphabet, count) -> None:
    letters = random.Random(count)
    texts = ["".join(letters.choices(alphabet + "?", k=letters.randrange(600))) for _ in range(12)]
    wanted = {"".join(letters.choices(alphabet, k=size)) for size in (1, 2, 3, 4) for _ in range(count)}
    # What the texts hold, and what only their seams hold.
    joined = "".join(texts)
    wanted |= {joined[start : start + 4].replace("?", "") or "a" for start in range(0, len(joined) - 4, 3)[:count]}
    wanted = sorted(wanted)
    found = occurrences(texts, wanted).tolist()
    assert found == [[text.count(one) for one in wanted] for text in texts]
    assert any(map(sum, found))


def test_overlaps_count_once_from_the_left() -> None:
    wanted = ["aaaa", "abab", " ab ", "abcd"]
    texts = ["aaaaaaaaa", "abababab", " ab ab ab ", "abcdabcd", "aaa" + "b"]
    assert occurrences(texts, wanted).tolist() == [[2, 0, 0, 0], [0, 2, 0, 0], [0, 0, 2, 0], [0, 0, 0, 2], [0, 0, 0, 0]]


def test_nothing_reaches_from_one_text_into_the_next() -> None:
    assert occurrences(["ab", "cd", "", "abcd"], ["abcd", "bcd", "cda"]).tolist() == [
        [0] * 3,
        [0] * 3,
        [0] * 3,
        [1, 1, 0],
    ]


def test_numbers_that_are_too_large_are_not_mixed_up() -> None:
    """Of 70,000 letters, four have more than 64 bits: the text's number is the string's plus 2**64."""
    letters = "".join(map(chr, range(0x10000, 0x10000 + 70_000)))
    wanted = [letters[start : start + 4] for start in range(0, len(letters), 4)]
    base = len(letters) + 1
    alias = [2**64 // base**power % base + place for place, power in enumerate((3, 2, 1, 0))]
    text = "".join(letters[digit] for digit in alias)
    assert occurrences([text, wanted[0]], wanted).sum(axis=1).tolist() == [0, 1]


def test_no_texts_and_no_strings() -> None:
    assert occurrences([], ["abcd"]).shape == (0, 1)
    assert occurrences(["abc", ""], []).shape == (2, 0)
    assert occurrences([""], ["abcd"]).tolist() == [[0]]
