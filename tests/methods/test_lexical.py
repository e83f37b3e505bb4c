"""The blend of words, word pairs and character 4-grams, each signal on its own."""

import pytest

from swaprank import Reranker, ScoreKind

WORDS = {"pairs": 0, "grams": 0}


def scores(query, passages, **options) -> list[float]:
    return Reranker("lexical", empty_passages="score", **options).rerank(query, passages).scores


def test_pairs_reward_phrases() -> None:
    query, passages = "black tea", ["black cups and green tea", "green cups and black tea", "red wine"]
    separate, phrase, _ = scores(query, passages, **WORDS)
    assert separate == pytest.approx(phrase)
    separate, phrase, _ = scores(query, passages, pairs=1, grams=0)
    assert phrase > separate


def test_grams_reward_joined_forms() -> None:
    query, passages = "water bottle", ["a waterbottles shop", "a shop", "some other words"]
    joined, none, _ = scores(query, passages, **WORDS)
    assert joined == pytest.approx(none)
    joined, none, _ = scores(query, passages, pairs=0, grams=1)
    assert joined > none


def test_a_word_rare_in_the_language_weighs_more() -> None:
    """Both are in one candidate of two, so the candidates alone could not tell."""
    common, rare = scores("people samovar", ["many people here", "a samovar here"], **WORDS)
    assert rare > common


def test_arabic_words_meet_their_vocalised_forms() -> None:
    match, other = scores("المكتبة", ["المَكتبة هنا", "لا شيء هنا"])
    assert match > other


@pytest.mark.parametrize("passages", [["same", "same"], ["", ""], ["", "   "], ["one"]], ids=str)
def test_lists_that_cannot_be_told_apart_score_zero(passages) -> None:
    assert scores("query", passages) == [0.0] * len(passages)


def test_scores_are_of_no_common_kind() -> None:
    assert Reranker("lexical").rerank("tea", ["tea", "x"]).score_kind is ScoreKind.OTHER
