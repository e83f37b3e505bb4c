"""Rows are called by file or recipe, and by what differs where two would have one name."""

from swaprank.evaluation.row_names import row_names


def test_names_that_differ_stay() -> None:
    assert row_names([("fast", {"reranker": "bm25"}), ("bm25", {"reranker": "bm25"})]) == ["fast", "bm25"]


def test_what_differs_tells_two_of_one_name_apart() -> None:
    given = [
        ("reranker", {"method": "bm25", "k1": 0.9}),
        ("reranker", {"method": "bm25", "k1": 1.2, "top_n": 10}),
        ("lexical", {"method": "lexical"}),
    ]
    assert row_names(given) == ["reranker (k1: 0.9)", "reranker (k1: 1.2, top_n: 10)", "lexical"]


def test_a_recipe_is_compared_as_it_is_written_out() -> None:
    names = row_names([("a", {"reranker": "embedded"}), ("a", {"reranker": "bm25"})])
    assert names[0].startswith("a (fusion: evidence")
    assert names[1].startswith("a (method: bm25")


def test_equal_configs_are_numbered_and_the_first_stage_keeps_its_name() -> None:
    assert row_names([("a", {"method": "bm25"})] * 2) == ["a", "a #2"]
    assert row_names([("first stage", {"method": "bm25"})]) == ["first stage #2"]
