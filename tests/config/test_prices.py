"""The price table of a config: checked at construction, applied to what was counted."""

import pytest

from swaprank import Reranker
from swaprank.config.prices import PriceTable, price_table
from swaprank.errors import ConfigError
from swaprank.types import Call


def call(model="m", backend="http", **counted) -> Call:
    given = {"requests": 0, "input_tokens": 0, "output_tokens": 0, "seconds": 0.0} | counted
    return Call(method="x", backend=backend, model=model, **given)


@pytest.mark.parametrize(
    ("price", "counted", "expected"),
    [
        ({"input": 0.4, "output": 1.6}, {"input_tokens": 500_000, "output_tokens": 250_000}, 0.6),
        ({"unit": 0.002}, {"billed_units": 3.0}, 0.006),
        ({"request": 0.01}, {"requests": 5, "cached": 2}, 0.03),
        ({"hour": 3.6}, {"seconds": 2.0}, 0.002),
    ],
)
def test_each_part_of_a_price(price, counted, expected) -> None:
    assert PriceTable(models={"m": price}).cost([call(**counted)]) == pytest.approx(expected)


def test_calls_add_up_and_a_star_prices_all_others() -> None:
    table = PriceTable(models={"m": {"request": 1}, "*": {"request": 10}})
    assert table.cost([call(requests=1), call("other", requests=1)]) == 11


def test_a_remote_model_without_a_price_leaves_the_cost_unknown() -> None:
    table = PriceTable(models={"m": {"request": 1}})
    assert table.cost([call(requests=1), call("other", requests=1)]) is None
    assert table.cost([call(requests=1), call("other", "transformers", requests=1)]) == 1


def test_the_table_is_part_of_any_config() -> None:
    config = {"stages": ["bm25", "embedded"], "prices": {"models": {"m": {"input": 1}}}}
    reranker = Reranker(config)
    assert reranker.to_config() == config
    table = price_table(reranker.to_config())
    assert table is not None
    assert (table.currency, table.models["m"].input) == ("USD", 1)
    assert price_table({"reranker": "bm25"}) is None


@pytest.mark.parametrize(
    ("prices", "message"),
    [
        ({"models": {"m": {"inputs": 1}}}, "inputs"),
        ({"models": {"m": {"input": -1}}}, "greater than or equal to 0"),
        ({"currency": "USD"}, "models"),
        ({"models": {"m": {"input": "1"}}}, "valid number"),
    ],
)
def test_a_wrong_table_is_an_error_at_construction(prices, message) -> None:
    with pytest.raises(ConfigError, match=message):
        Reranker({"reranker": "bm25", "prices": prices})
