"""Words of ASCII are those of the expression; what is remembered of stemming changes no stem, and is bounded."""

import random
import re

import pytest

from swaprank.bm25 import analysis
from swaprank.requests import Analysis

FOUND = ["running", "dies", "running", "generously", "skies", "ponies", "dies"]


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch) -> None:
    monkeypatch.setattr(analysis, "_known", {})


def stemmed(found: list[str]) -> list[str]:
    return list(pytest.importorskip("Stemmer").Stemmer("english").stemWords(found))


def test_remembered_stems_are_those_of_the_stemmer() -> None:
    for found in (FOUND, FOUND[::-1], ["cats", *FOUND]):
        assert analysis.stems(found, Analysis(), "en") == stemmed(found)
    assert "generously" in analysis._known["en"]
    assert analysis.stems(["dies"], Analysis(), "de") == ["dies"]  # what English knows says nothing of German


def test_no_more_is_remembered_than_the_bound(monkeypatch) -> None:
    monkeypatch.setattr(analysis, "_MOST_KNOWN", 4)
    for found in (FOUND[:4], FOUND, FOUND[2:], FOUND):
        assert analysis.stems(found, Analysis(), "en") == stemmed(found)
        assert len(analysis._known["en"]) <= 4


def test_long_words_are_not_remembered() -> None:
    found = ["x" * 1000 + "ies", "ponies"]
    assert analysis.stems(found, Analysis(), "en") == stemmed(found)
    assert analysis._known["en"] == {}


@pytest.mark.parametrize("language", ["en", "hi", "ar"])
def test_words_of_ascii_are_those_of_the_expression(language) -> None:
    letters = random.Random(11)
    texts = ["".join(map(chr, letters.choices(range(128), k=200))) for _ in range(200)]
    texts += ["x of the A_1 __ _ -a- 7 77 don't", "", "\x1c\x1f ab\x00cd"]
    for text in texts:
        whole = [each for each in re.findall(r"\w+", text.lower()) if len(each) > 1]
        assert analysis.words(text, Analysis(stopwords=False), language) == whole
        # A sign of no meaning outside ASCII sends the text the other way.
        assert analysis.words(text + " \u2026", Analysis(), language) == analysis.words(text, Analysis(), language)
