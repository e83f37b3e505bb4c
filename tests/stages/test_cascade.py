"""Cascades and fusion as stages."""

import pytest

from swaprank import Passage, Reranker, ScoreKind
from swaprank.testing import check_reranker

PASSAGES = ["coffee", "green tea", "tea", "green leaves of tea", "milk", ""]


def test_the_promises_hold_for_a_cascade_and_for_fusion() -> None:
    check_reranker(Reranker({"stages": [{"reranker": "bm25"}, {"fusion": "rrf", "with": "static-embedding"}]}))
    for rule in ("z-score", "min-max", "rrf"):
        check_reranker(Reranker({"fusion": rule, "of": ["retrieval", "bm25", "static-embedding"]}))


def test_a_stage_sees_what_the_one_before_kept() -> None:
    cascade = Reranker({"stages": [{"reranker": "bm25", "top_n": 3}, {"reranker": "static-embedding"}]})
    ranking = cascade.rerank("green tea", PASSAGES)
    assert sorted(ranking.order) == [1, 2, 3]
    assert ranking.score_kind is ScoreKind.COSINE
    assert [call.requests for call in ranking.calls] == [1, 4]


def test_every_input_has_a_monotone_score() -> None:
    cascade = Reranker({"stages": [{"reranker": "bm25", "top_n": 2}, {"reranker": "static-embedding", "top_n": 1}]})
    ranking = cascade.rerank("green tea", PASSAGES)
    assert len(ranking.passages) == 1
    assert len(ranking.scores) == len(PASSAGES)
    best, *rest = sorted(ranking.scores, reverse=True)
    assert ranking.scores[ranking.order[0]] == best
    assert len(set(rest)) == len(rest)


def test_a_stage_that_keeps_nothing_ends_the_cascade() -> None:
    cascade = Reranker({"stages": [{"reranker": "bm25", "score_threshold": 99}, {"reranker": "static-embedding"}]})
    ranking = cascade.rerank("green tea", PASSAGES)
    assert ranking.order == []
    assert len(ranking.scores) == len(PASSAGES)
    assert [call.method for call in ranking.calls] == ["bm25"]


def test_limits_of_the_whole_apply_last() -> None:
    cascade = Reranker({"stages": [{"reranker": "bm25", "top_n": 3}], "top_n": 2, "normalize": "minmax"})
    ranking = cascade.rerank("green tea", PASSAGES)
    assert len(ranking.order) == 2
    assert ranking.scores[ranking.order[0]] == 1.0


def test_fusion_with_the_previous_stage() -> None:
    """alpha 1 is the partner alone, alpha 0 the stage before alone."""
    before = Reranker("static-embedding").rerank("green tea", PASSAGES).order
    partner = Reranker("bm25").rerank("green tea", PASSAGES).order
    for alpha, expected in ((0.0, before), (1.0, partner)):
        fused = Reranker(
            {"stages": [{"reranker": "static-embedding"}, {"fusion": "z-score", "alpha": alpha, "with": "bm25"}]}
        )
        ranking = fused.rerank("green tea", PASSAGES)
        assert ranking.order == expected
        assert ranking.score_kind is ScoreKind.FUSED


def test_fusion_with_the_retrieval_score() -> None:
    scored = [Passage(text, score=float(place)) for place, text in enumerate(PASSAGES[:5])]
    fused = Reranker({"fusion": "z-score", "of": ["retrieval", "bm25"], "alpha": 1.0})
    assert fused.rerank("green tea", scored).order == [4, 3, 2, 1, 0]
    unscored = Reranker({"fusion": "z-score", "of": ["retrieval", "bm25"], "weights": [9, 1]})
    assert unscored.rerank("green tea", PASSAGES).order == Reranker("bm25").rerank("green tea", PASSAGES).order


def test_fusion_of_nothing_keeps_the_order() -> None:
    ranking = Reranker({"fusion": "rrf", "of": ["retrieval"]}).rerank("green tea", PASSAGES[:5])
    assert ranking.order == [0, 1, 2, 3, 4]
    assert ranking.score_kind is ScoreKind.RANK


def test_what_an_input_cut_off_counts_as_missing() -> None:
    fused = Reranker({"fusion": "rrf", "of": [{"reranker": "bm25", "top_n": 1}], "k": 1})
    assert sorted(fused.rerank("green tea", PASSAGES[:4]).scores) == pytest.approx([0, 0, 0, 0.5])


def test_a_few_texts_in_any_order_are_ranked_by_what_is_read_in_them() -> None:
    texts = ["Green tea is steamed.", "Coffee is roasted.", "Milk is white."]
    best = {Reranker().rerank("green tea", order).passages[0].passage.text for order in (texts, texts[::-1])}
    assert best == {texts[0]}


def test_the_order_of_a_long_list_counts_where_the_texts_bear_it_out() -> None:
    """Two passages that read alike keep their places, however far apart they stood."""
    texts = [f"green tea {'leaves ' * (rank % 7)}" for rank in range(20)] + [f"word {rank}" for rank in range(20)]
    fused = {"fusion": "evidence", "of": ["first-stage", "lexical"]}
    bare = Reranker("lexical").rerank("green tea", texts)
    ranking = Reranker(fused).rerank("green tea", texts)
    assert bare.scores[0] == bare.scores[14]
    assert ranking.scores[0] > ranking.scores[14]
    shuffled = texts[20:] + texts[:20]
    assert (
        Reranker(fused).rerank("green tea", shuffled).order == Reranker("lexical").rerank("green tea", shuffled).order
    )
