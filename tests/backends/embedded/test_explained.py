"""Scores that a weighted sum of word matches gives are told from others, whatever the weights are."""

import random

import numpy as np
import pytest

from swaprank import Passage, Query, Reranker
from swaprank.backends.embedded.explained import explained

WORDS = ["green", "tea", "leaves", "harvest"]
OTHERS = ["mountain", "water", "paper", "river", "winter", "stone"]


def collection(count: int) -> list[str]:
    chance = random.Random(3)
    return [" ".join(chance.choices(WORDS + OTHERS, k=chance.randint(5, 30))) for _ in range(count)]


def test_a_weighted_sum_of_matches_is_explained_and_noise_is_not() -> None:
    chance = np.random.default_rng(0)
    matches = chance.random((4, 100))
    assert explained(list([3.0, 0.1, 7.0, 1.0] @ matches + 11.0), matches) == pytest.approx(1.0)
    assert explained(list(chance.random(100)), matches) < 0.1
    half = [1.0, 1.0, 1.0, 1.0] @ matches
    noise = chance.standard_normal(100) * half.std()
    assert 0.3 < explained(list(half + noise), matches) < 0.7


def test_words_that_say_the_same_count_once() -> None:
    chance = np.random.default_rng(0)
    matches = chance.random((1, 14))
    scores = list(matches[0] + 0.3 * chance.random(14))
    assert explained(scores, np.repeat(matches, 9, axis=0)) == pytest.approx(explained(scores, matches))


def test_nothing_is_said_of_equal_scores_or_too_few() -> None:
    matches = np.random.default_rng(0).random((4, 100))
    assert explained([1.0] * 100, matches) is None
    assert explained([None] * 100, matches) is None
    assert explained(list(matches[0, :12]), matches[:, :12]) is None
    assert explained(list(matches[0, :13]), matches[:, :13]) == pytest.approx(1.0)
    assert explained([], matches[:, :0]) is None


def test_passages_without_a_score_are_left_out() -> None:
    matches = np.random.default_rng(0).random((2, 40))
    scores = [None if place % 3 == 0 else float(score) for place, score in enumerate(matches[1])]
    assert explained(scores, matches) == pytest.approx(1.0)


@pytest.mark.parametrize(("k1", "b"), [(0.9, 0.4), (1.2, 0.75), (1.5, 0.75), (2.0, 1.0)])
def test_bm25_of_any_constants_is_explained_by_the_lexical_match(k1, b) -> None:
    texts = collection(100)
    lengths = [len(text.split()) for text in texts]
    mean = sum(lengths) / len(lengths)
    weights = dict(zip(WORDS, (2.0, 5.0, 1.0, 3.5), strict=True))

    def bm25(text: str, length: int) -> float:
        counts = {word: text.split().count(word) for word in WORDS}
        return sum(
            weights[word] * count * (k1 + 1) / (count + k1 * (1 - b + b * length / mean))
            for word, count in counts.items()
        )

    scored = [Passage(text, score=bm25(text, length)) for text, length in zip(texts, lengths, strict=True)]
    lexical = Reranker("lexical")
    assert lexical.rerank("green tea leaves harvest", scored).explained > 0.85
    chance = random.Random(5)
    other = [Passage(text, score=chance.random()) for text in texts]
    assert lexical.rerank("green tea leaves harvest", other).explained < 0.2
    # A bare order stands for -ln(rank).
    ordered = [text for _, text in sorted((-passage.score, passage.content) for passage in scored)]
    assert lexical.rerank("green tea leaves harvest", ordered).explained > 0.4
    assert lexical.rerank("green tea leaves harvest", texts).explained < 0.2


def test_nothing_is_said_of_a_question_that_the_passages_were_not_retrieved_for() -> None:
    scored = [Passage(text, score=float(len(text))) for text in collection(40)]
    lexical = Reranker("lexical")
    assert lexical.rerank(Query("green tea"), scored).explained is not None
    assert lexical.rerank(Query("green tea", retrieved=False), scored).explained is None
