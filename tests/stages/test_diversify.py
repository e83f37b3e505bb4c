"""Diversify: near copies do not crowd out other passages; by words, stored embeddings or a model; the same in every call."""

import asyncio

import numpy as np
import pytest

from swaprank import ConfigError, InputError, Passage, Reranker
from swaprank.scores.likeness import by_vectors, by_words
from swaprank.stages.diversify import dissimilarity, mmr
from swaprank.testing import check_reranker

QUERY = "green tea"
COPIES = [
    Passage("Green tea is steamed after picking, which keeps its leaves green.", score=0.9, embedding=[1.0, 0.0, 0.0]),
    Passage("Green tea is steamed after picking, which keeps the leaves green.", score=0.89, embedding=[0.99, 0.1, 0]),
    Passage("Caffeine in tea varies with the brewing time.", score=0.5, embedding=[0.0, 1.0, 0.0]),
    Passage("Porcelain cups come from Jingdezhen.", score=0.1, embedding=[0.0, 0.0, 1.0]),
]


@pytest.mark.parametrize("rule", ["mmr", "dissimilarity"])
@pytest.mark.parametrize("by", ["tokens", {"method": "static-embedding"}], ids=str)
def test_it_keeps_the_promises_of_a_reranker(rule, by) -> None:
    check_reranker(Reranker({"diversify": rule, "by": by}))


@pytest.mark.parametrize("by", ["tokens", "stored", {"method": "static-embedding"}], ids=str)
def test_a_near_copy_comes_after_what_says_something_else(by) -> None:
    ranking = Reranker({"diversify": "mmr", "lambda": 0.5, "by": by}).rerank(QUERY, COPIES)
    assert ranking.order[:2] == [0, 2]
    assert ranking.score_kind == "rank"
    assert ranking.scores[0] == 1.0
    relevance_alone = Reranker({"diversify": "mmr", "lambda": 1.0, "by": by}).rerank(QUERY, COPIES)
    assert relevance_alone.order == [0, 1, 2, 3]


def test_in_a_cascade_relevance_is_the_stage_befores() -> None:
    config = {"stages": ["bm25", {"diversify": "mmr", "lambda": 0.6, "top_n": 2}]}
    reranker = Reranker(config)
    ranking = reranker.rerank("steamed green leaves caffeine", list(reversed(COPIES)))
    assert sorted(ranking.order) in ([1, 2], [1, 3])
    assert asyncio.run(reranker.arerank(QUERY, COPIES)).scores == reranker.rerank(QUERY, COPIES).scores
    assert reranker.rerank_many([QUERY] * 2, [COPIES, COPIES[:3]])[1].order == reranker.rerank(QUERY, COPIES[:3]).order


def test_mmr_is_the_greedy_maximum_at_every_step() -> None:
    texts = ["a b c", "a b d", "e f", "e g h", "i", "a i f"]
    likeness, relevance, share = by_words(texts), [0.9, 0.85, 0.5, 0.4, 0.2, 0.0], 0.4
    order = mmr(np.array(relevance), likeness, share)
    for place in range(1, len(order)):
        chosen, rest = order[:place], order[place:]
        values = [
            share * relevance[one] - (1 - share) * max(likeness[one, before] for before in chosen) for one in rest
        ]
        assert max(values) == pytest.approx(values[0])


def test_dissimilarity_begins_with_the_most_relevant_and_then_goes_far_away() -> None:
    likeness = by_vectors([[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9]])
    assert dissimilarity(np.array([0.0, 1.0, 0.5, 0.2]), likeness, 0.7)[:2] == [1, 2]


def test_likeness_knows_words_of_every_script_and_no_negative_cosines() -> None:
    likeness = by_words(["绿茶很好喝", "绿茶好喝", "咖啡店在街上", ""])
    assert likeness[0, 1] > 0.2 > likeness[0, 2] == 0
    assert likeness[3].tolist() == [0, 0, 0, 0]
    extreme = by_vectors([[1e300, 0], [1e-300, 0], [-1, 0]])
    assert extreme[0, 1] == pytest.approx(1) and extreme[0, 2] == 0


def test_a_model_is_asked_once_per_passage_and_the_call_is_told() -> None:
    [call] = Reranker({"diversify": "mmr", "by": {"method": "static-embedding"}}).rerank(QUERY, COPIES).calls
    assert (call.method, call.requests) == ("static-embedding", 4)


@pytest.mark.parametrize(
    "wrong",
    [
        {"diversify": "mmr", "lambda": 1.5},
        {"diversify": "dissimilarity", "lambda": 0.5},
        {"diversify": "mmr", "by": "bm25"},
        {"diversify": "mmr", "by": {"method": "static-embedding", "model": 3}},
        {"diversify": "mrm"},
    ],
    ids=str,
)
def test_impossible_options_are_refused(wrong) -> None:
    with pytest.raises(ConfigError):
        Reranker(wrong)


def test_missing_stored_embeddings_are_named_with_the_way_out() -> None:
    with pytest.raises(InputError, match=r"1 of 4 have none.*by: tokens"):
        Reranker({"diversify": "mmr", "by": "stored"}).rerank(QUERY, [*COPIES[:3], Passage("x")])
    for odd in ([1.0], [float("nan")] * 3):
        with pytest.raises(InputError):
            Reranker({"diversify": "mmr", "by": "stored"}).rerank(QUERY, [*COPIES[:3], Passage("x", embedding=odd)])


def test_equal_inputs_give_equal_orders() -> None:
    same = [Passage("tea", score=1.0)] * 5
    assert Reranker({"diversify": "mmr"}).rerank(QUERY, same).order == [0, 1, 2, 3, 4]
