"""The JSON Schema accepts and refuses what construction does."""

import jsonschema
import pytest

from swaprank import ConfigError, Reranker
from swaprank.config.recipe import all_recipes
from swaprank.config.schema import json_schema
from tests.config.test_config import VALID

SCHEMA = json_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

INVALID = [
    {"method": "bm25", "top_k": 3},
    {"method": "bm25", "top_n": 0},
    {"method": "bm25", "model": "m"},
    {"method": "cross-encoder"},
    {"method": "no-such-method"},
    {"method": "cross-encoder", "model": "m", "backend": {"devise": "cpu"}},
    {"method": "cross-encoder", "model": "m", "backend": {"type": "transformers", "dtype": "float8"}},
    {"method": "bm25", "on_error": "ignore"},
    {"method": "bm25", "strategy": "no-such"},
    {"reranker": "no-such-recipe"},
    {"reranker": "bm25", "topn": 1},
    {"stages": []},
    {"stages": [{"reranker": "bm25", "topn": 1}]},
    {"fusion": "z-score"},
    {"fusion": "combmnz", "of": ["bm25"], "norm": "no-such"},
    {"decomposition": "original"},
    {"query_rewrite": "both", "rerank": "bm25"},
    {"query_rewrite": "car", "model": "m"},
    {"diversify": "mmr", "lambda": 2},
    {"diversify": "mmr", "by": "word"},
    {"boost": {"half_life": 3}},
    {"boost": {"field": "date", "half_life": []}},
    {"boost": {"field": "kind", "values": {"a": "b"}}},
    {"method": "bm25", "select": "knee"},
    {"method": "bm25", "select": {"by": "gap", "max": 3}},
    {"fusion": "no-such-rule", "of": ["bm25"]},
    {"topn": 3},
    {"stages": [{"top_n": 3}]},
    [],
]


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("config", [*VALID, *(recipe.config for recipe in all_recipes().values())], ids=str)
def test_valid_configs_pass(config) -> None:
    Reranker(config)
    VALIDATOR.validate(config)


def test_limits_alone_are_those_of_the_default() -> None:
    VALIDATOR.validate({"top_n": 3, "score_threshold": 0.4})
    for wrong in ({}, {"top_n": 0}, {"top_n": 3, "depth": 4}):
        assert not VALIDATOR.is_valid(wrong), wrong


DECOMPOSING = {"decomposition": "max", "model": "some/llm", "backend": "transformers", "rerank": {"reranker": "bm25"}}


def test_a_decomposition_is_described() -> None:
    VALIDATOR.validate({**DECOMPOSING, "k": 5, "coverage": None, "search": "lexical", "top_n": 3})
    VALIDATOR.validate({"stages": ["bm25", DECOMPOSING]})
    for wrong in ({"k": 0}, {"rerank": "no-such"}, {"decomposition": "sum"}, {"retrieve": "bm25"}, {"prompt": None}):
        assert not VALIDATOR.is_valid({**DECOMPOSING, **wrong}), wrong


@pytest.mark.parametrize("config", INVALID, ids=str)
def test_invalid_configs_are_refused(config) -> None:
    assert not VALIDATOR.is_valid(config)
    if isinstance(config, dict):
        with pytest.raises(ConfigError):
            Reranker(config)
