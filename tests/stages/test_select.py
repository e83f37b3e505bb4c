"""Select: a stage keeps what stands before the break of its scores, between ``min`` and ``top_n``."""

import pytest

from swaprank import ConfigError, Passage, Reranker
from swaprank.scores.cutting import elbow, gap

HTTP = {"type": "http", "api": "openai-chat"}

CLIFF = [10.0, 9.5, 9.0, 1.0, 0.9, 0.8]
RETRIEVAL = {"fusion": "combsum", "norm": "none", "of": ["retrieval"]}


def kept(scores: list[float], **options) -> int:
    passages = [Passage(f"p{place}", score=score) for place, score in enumerate(scores)]
    return len(Reranker({**RETRIEVAL, **options}).rerank("q", passages).passages)


@pytest.mark.parametrize("by", ["gap", "elbow"])
def test_a_cliff_is_where_the_list_ends(by) -> None:
    assert kept(CLIFF, select=by) == 3
    assert kept(CLIFF, select={"by": by}) == 3
    assert kept(CLIFF, select={"by": by, "min": 4}) == 4 + (by == "gap") * (gap(CLIFF, 4, 6) - 4)
    assert kept(CLIFF, select=by, top_n=2) <= 2
    assert kept([1.0] * 5, select=by) == 5
    assert kept([1.0] * 5, select=by, top_n=4) == 4
    assert kept([1.0], select=by) == 1
    assert kept([1e308, -1e308, -1e308], select=by) == 1


def test_the_elbow_of_a_curve_that_flattens_and_of_one_that_drops_at_its_end() -> None:
    assert elbow([10, 5, 2.5, 1.25, 0.6, 0.3], 1, 6) == 2
    assert elbow([10, 9.9, 9.8, 1], 1, 4) == 3
    assert elbow([4, 3, 2, 1], 1, 4) == 4


def test_the_gap_is_looked_for_between_min_and_top_n() -> None:
    scores = [10, 4, 3.9, 2, 1.9, 0]
    assert gap(scores, 1, 6) == 1
    assert gap(scores, 2, 6) in (3, 5)
    assert gap(scores, 2, 4) == 3


def test_it_works_on_the_normalised_scores_that_passed_the_threshold() -> None:
    assert kept(CLIFF, select="gap", normalize="minmax", score_threshold=0.95) == 1
    ranking = Reranker("bm25", select="elbow").rerank("green tea", ["green tea", "green tea cup", "x", "y", "z"])
    assert ranking.order == [0, 1]
    assert ranking.score_kind == "bm25"


def test_ranks_have_no_break_and_are_refused_before_the_first_query() -> None:
    for config in ({"diversify": "mmr"}, {"method": "rankgpt", "model": "m", "backend": HTTP}):
        with pytest.raises(ConfigError, match="always break at the same place"):
            Reranker({**config, "select": "gap"})


def test_a_wrong_rule_is_refused() -> None:
    with pytest.raises(ConfigError):
        Reranker("bm25", select="knee")
    with pytest.raises(ConfigError):
        Reranker("bm25", select={"by": "gap", "min": 0})
