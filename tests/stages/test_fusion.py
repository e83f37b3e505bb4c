"""Fusion as a stage of a config: rules, weights, options, copies with one id."""

import logging
import math
import random

import pytest

from swaprank import ConfigError, Passage, Reranker
from swaprank.scores.fusion_rules import RULES
from swaprank.scores.scaling import SCALINGS
from swaprank.stages.fusion.options import FusionOptions, Norms, Rules
from swaprank.testing import check_reranker

QUERY = "green tea"
PASSAGES = [
    Passage("coffee beans", id="c", score=3.0),
    Passage("green tea leaves", id="g", score=2.0),
    Passage("tea", id="t", score=1.0),
]


def lexical() -> list[float]:
    return Reranker("bm25").rerank(QUERY, PASSAGES).scores


def standardised(scores: list[float]) -> list[float]:
    mean = sum(scores) / len(scores)
    deviation = math.sqrt(sum((score - mean) ** 2 for score in scores) / len(scores))
    return [(score - mean) / deviation for score in scores]


def test_the_names_of_a_config_are_those_of_the_rules() -> None:
    assert {*RULES, "evidence"} == set(Rules.__args__)
    assert set(SCALINGS) == set(Norms.__args__)


@pytest.mark.parametrize("rule", Rules.__args__)
def test_every_rule_keeps_the_promises(rule) -> None:
    check_reranker(Reranker({"fusion": rule, "of": ["first-stage", "bm25"]}))


def test_a_paper_rule_brings_its_weights_and_they_can_be_overridden() -> None:
    ranking = Reranker({"fusion": "erank", "with": "bm25"}).rerank(QUERY, PASSAGES)
    first, second = standardised(lexical()), standardised([3.0, 2.0, 1.0])
    assert ranking.scores == pytest.approx([0.2 * a + 0.8 * b for a, b in zip(first, second, strict=True)])
    assert ranking.score_kind == "fused"
    other = Reranker({"fusion": "erank", "with": "bm25", "alpha": 1}).rerank(QUERY, PASSAGES)
    assert other.scores == pytest.approx(first)
    three = FusionOptions.model_validate({"fusion": "diver", "of": ["bm25", "lexical", "retrieval"]})
    assert three.shares == [1.0, 1.0, 1.0]


def test_judgerank_adds_raw_first_stage_scores_to_a_hundred_times_the_judgement() -> None:
    ranking = Reranker({"fusion": "judgerank", "of": ["retrieval", "bm25"]}).rerank(QUERY, PASSAGES)
    assert ranking.scores == pytest.approx([a + 100 * b for a, b in zip([3, 2, 1], lexical(), strict=True)])


def test_norm_std_missing_and_k_are_options() -> None:
    base = {"of": ["retrieval"]}
    raw = Reranker({"fusion": "combmnz", "norm": "none", **base}).rerank(QUERY, PASSAGES)
    assert raw.scores == [3.0, 2.0, 1.0]
    sample = Reranker({"fusion": "z-score", "std": "sample", **base}).rerank(QUERY, PASSAGES)
    assert sample.scores == pytest.approx([1.0, 0.0, -1.0])
    ranks = Reranker({"fusion": "rrf", "k": 1, **base}).rerank(QUERY, PASSAGES)
    assert ranks.scores == pytest.approx([1 / 2, 1 / 3, 1 / 4])
    holed = [Passage("a", score=2.0), Passage("b"), Passage("c", score=0.0)]
    nothing = Reranker({"fusion": "z-score", "missing": "nothing", **base}).rerank("q", holed)
    assert nothing.scores == pytest.approx([1.0, 0.0, -1.0])


@pytest.mark.parametrize(
    "wrong",
    [
        {"fusion": "z-score", "norm": "max"},
        {"fusion": "rrf", "weights": [1.0, math.inf]},
        {"fusion": "rrf", "std": "both"},
    ],
    ids=str,
)
def test_impossible_options_are_refused(wrong) -> None:
    with pytest.raises(ConfigError):
        Reranker({"of": ["retrieval", "bm25"], **wrong})


def test_scores_that_are_no_numbers_are_told(caplog) -> None:
    odd = [Passage("tea", score=math.nan), Passage("green", score=1.0), Passage("x", score=math.inf)]
    with caplog.at_level(logging.WARNING):
        ranking = Reranker({"fusion": "rrf", "of": ["retrieval"]}).rerank(QUERY, odd)
    assert "2 of 3 retrieval scores are not finite" in caplog.text
    assert ranking.order == [2, 1, 0]


def test_copies_with_one_id_leave_the_best_scored_with_its_metadata() -> None:
    copies = [
        Passage("green tea", id="a", score=1.0, metadata={"from": "dense"}),
        Passage("coffee", id="b", score=2.0),
        Passage("green tea", id="a", score=5.0, metadata={"from": "sparse"}),
        Passage("green tea", score=0.5),
        Passage("green tea", score=0.4),
        Passage("", id="empty", score=3.0),
        Passage("green tea", id="a", score=math.nan),
    ]
    config = {"fusion": "z-score", "of": ["retrieval", "bm25"], "deduplicate": True}
    ranking = Reranker(config).rerank(QUERY, copies)
    assert sorted(ranking.order) == [1, 2, 3, 4, 5]
    assert ranking.passages[0].passage.metadata == {"from": "sparse"}
    assert ranking.order[-1] == 5
    assert max(ranking.scores[0], ranking.scores[6]) < min(ranking.scores[index] for index in ranking.order)
    alone = [copies[index] for index in (1, 2, 3, 4, 5)]
    assert [ranking.scores[index] for index in (1, 2, 3, 4, 5)] == Reranker(config).rerank(QUERY, alone).scores
    assert len(Reranker({**config, "deduplicate": False}).rerank(QUERY, copies).order) == 7


def test_in_a_cascade_the_stage_before_tells_the_best_copy() -> None:
    copies = [Passage("green tea", id="a", score=9.0), Passage("green tea green tea", id="a", score=1.0)]
    stages = ["bm25", {"fusion": "z-score", "of": ["previous"], "deduplicate": True}]
    [best] = Reranker({"stages": stages}).rerank("tea", copies).passages
    scores = Reranker("bm25").rerank("tea", copies).scores
    assert best.index == scores.index(max(scores))


def test_a_bare_order_inside_a_fusion_is_judged_by_all_that_is_fused() -> None:
    inner = {"fusion": "evidence", "of": ["first-stage", "lexical"]}
    static = {"method": "static-embedding"}
    texts = [
        "cars",
        "vehicle",
        "truck",
        "bicycle",
        "engine",
        "road",
        "travel",
        "table",
        "music",
        "fish",
        "poem",
        "zebra",
    ]
    texts = [ranked.passage.text for ranked in Reranker(static).rerank("automobile", texts).passages]
    alone = Reranker(inner).rerank("automobile", texts)
    assert set(alone.scores) == {0.0}

    both = Reranker({"fusion": "evidence", "of": [inner, static]}).rerank("automobile", texts)
    [first, _] = both.stage.parts
    assert list(first.kept) == list(range(12))
    assert first.scores[0] > first.scores[11]
    backwards = Reranker({"fusion": "evidence", "of": [inner, static]}).rerank("automobile", texts[::-1])
    assert set(backwards.stage.parts[0].scores) == {0.0}


def test_a_first_stage_that_knows_more_than_words_counts_more_beside_all_that_is_fused() -> None:
    chance = random.Random(4)
    words = ["green", "tea", "leaves", "mountain", "water", "paper", "river", "winter", "stone", "music"]
    texts = [" ".join(chance.choices(words, k=20)) for _ in range(80)]
    query = "green tea leaves"
    lexical = Reranker("lexical").rerank(query, texts).scores
    other = [score + chance.gauss(0.0, 2.5) for score in lexical]
    static = {"method": "static-embedding"}
    embedded = Reranker(static).rerank(query, texts)

    def emphasis(given: list[float]) -> float:
        """How much less the embeddings count than without a first stage."""
        inner = {"fusion": "evidence", "of": ["first-stage", "lexical"]}
        whole = Reranker({"fusion": "evidence", "of": [inner, static]})
        ranking = whole.rerank(query, [Passage(text, score=one) for text, one in zip(texts, given, strict=True)])
        [first, _] = ranking.stage.parts
        inside = standardised([score for _, score in sorted(zip(first.kept, first.scores, strict=True))])
        trusted = max(0.0, 2 * embedded.coverage - 1)
        expected = [trusted * score for score in standardised(embedded.scores)]
        counted = [all_of_it - own for all_of_it, own in zip(ranking.scores, inside, strict=True)]
        factors = [one / other for one, other in zip(expected, counted, strict=True)]
        assert max(factors) == pytest.approx(min(factors))
        return factors[0]

    assert 1.5 < emphasis(other) < 2.5
    counts = [[text.split().count(word) for word in query.split()] for text in texts]
    matched = [sum(count / (count + 0.9) for count in each) for each in counts]
    assert emphasis(matched) == pytest.approx(1.0)
    assert emphasis(chance.sample(other, len(other))) == pytest.approx(1.0, abs=0.1)


def test_another_rule_takes_an_order_as_it_is() -> None:
    inner = {"fusion": "z-score", "of": ["first-stage", "lexical"]}
    texts = ["cars", "vehicle", "truck", "bicycle", "engine", "road", "travel", "table"]
    assert Reranker(inner).rerank("automobile", texts).order == list(range(8))
