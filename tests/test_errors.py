"""Errors name the way out in a few words."""

from swaprank.errors import nearest, nearest_of_many

NAMES = [f"reranker-{number}" for number in range(100)]


def test_a_close_name_is_the_one_that_is_meant() -> None:
    assert nearest("top_m", ["top_n", "model"]) == "Did you mean 'top_n'?"


def test_few_names_are_listed_and_of_many_the_five_nearest() -> None:
    assert nearest("xyz", ["b", "a"]) == "Known: a, b."
    hint = nearest("zzzz", [*NAMES, "azz"])
    assert hint.startswith("Known: azz, ")
    assert hint.endswith(" and 96 more.")
    assert hint.count(", ") == 4


def test_of_many_names_only_near_ones_are_told() -> None:
    names = [*NAMES, "monot5-base", "monot5-large", "bm25"]
    assert nearest_of_many("nope", names, listing="list") == "See all with: list"
    assert nearest_of_many("bm52", names, listing="list") == "Did you mean 'bm25'? All are listed by: list"
    assert nearest_of_many("MonoT5", names, listing="list").startswith("Did you mean 'monot5-base' or 'monot5-large'?")
    assert nearest_of_many("reranker", names, listing="list").count(",") == 3
    assert nearest_of_many("m", names, listing="list") == "See all with: list"
    assert nearest_of_many("x" * 10_000_000, names, listing="list") == "See all with: list"


def test_a_very_long_name_costs_nothing() -> None:
    assert nearest("x" * 10_000_000, NAMES).startswith("Known: ")
