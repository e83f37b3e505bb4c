"""Errors name the way out in a few words."""

from swaprank.errors import nearest

NAMES = [f"reranker-{number}" for number in range(100)]


def test_a_close_name_is_the_one_that_is_meant() -> None:
    assert nearest("top_m", ["top_n", "model"]) == "Did you mean 'top_n'?"


def test_few_names_are_listed_and_of_many_the_five_nearest() -> None:
    assert nearest("xyz", ["b", "a"]) == "Known: a, b."
    hint = nearest("zzzz", [*NAMES, "azz"])
    assert hint.startswith("Known: azz, ")
    assert hint.endswith(" and 96 more.")
    assert hint.count(", ") == 4


def test_a_very_long_name_costs_nothing() -> None:
    assert nearest("x" * 10_000_000, NAMES).startswith("Known: ")
