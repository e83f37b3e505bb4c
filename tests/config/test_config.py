"""Configs: where they come from, what they may say, and what comes back out."""

import json
from datetime import date

import numpy as np
import pytest
import yaml

from swaprank import CapabilityError, ConfigError, Reranker
from swaprank.config.expand import expand, merged
from swaprank.config.load import load
from swaprank.testing import ScriptedBackend, arbitrary_response

VALID = [
    {"reranker": "embedded"},
    {"reranker": "ms-marco-minilm-l6", "top_n": 5, "max_length": 256},
    {"reranker": {"method": "bm25", "k1": 0.9}, "b": 0.4},
    {"method": "bm25", "collection": ["green tea", "coffee"], "language": "en"},
    {"method": "cross-encoder", "model": "some/model", "backend": "transformers"},
    {
        "method": "cross-encoder",
        "model": "folder/model",
        "max_length": 512,
        "backend": {"type": "transformers", "dtype": "float32", "device": "cpu", "revision": "main", "cache_dir": "c"},
        "strategy": "one-by-one",
        "top_n": 10,
        "score_threshold": 0.5,
        "on_error": "keep_order",
    },
    {"stages": [{"reranker": "bm25", "top_n": 50}, {"fusion": "z-score", "alpha": 0.2, "with": "static-embedding"}]},
    {"fusion": "rrf", "of": ["retrieval", "bm25", {"method": "static-embedding"}], "weights": [1, 2, 3], "k": 10},
    {"fusion": "combmnz", "of": ["first-stage", "bm25"], "norm": "rank", "deduplicate": True, "missing": "lowest"},
    {
        "stages": [
            {"reranker": "bm25", "top_n": 50},
            {
                "decomposition": "max",
                "model": "some/llm",
                "backend": {"device": "cpu"},
                "rerank": "bm25",
                "coverage": None,
            },
        ]
    },
    {"method": "bm25", "on_error": {"fallback": {"reranker": "static-embedding"}}},
]


@pytest.mark.parametrize("config", VALID, ids=lambda config: next(iter(config)) + str(len(str(config))))
def test_round_trip_is_exact(config) -> None:
    reranker = Reranker.from_config(config)
    assert reranker.to_config() == config
    assert Reranker.from_config(reranker.to_config()).to_config() == config
    assert json.loads(json.dumps(config)) == reranker.to_config()


def test_files_mappings_names_and_keywords_say_the_same(tmp_path) -> None:
    config = {"method": "bm25", "k1": 0.9, "top_n": 3}
    (tmp_path / "reranker.yaml").write_text(yaml.safe_dump(config))
    (tmp_path / "reranker.json").write_text(json.dumps(config))
    for source in (config, tmp_path / "reranker.yaml", str(tmp_path / "reranker.json")):
        assert Reranker.from_config(source).to_config() == config
    assert Reranker(method="bm25", k1=0.9, top_n=3).to_config() == config
    assert Reranker(config, top_n=7).to_config() == {**config, "top_n": 7}
    assert Reranker("bm25", top_n=3).to_config() == {"reranker": "bm25", "top_n": 3}
    assert Reranker().to_config() == {"reranker": "embedded"}
    assert Reranker({"top_n": 3}).to_config() == {"reranker": "embedded", "top_n": 3}
    assert Reranker({"top_n": 3}, method="bm25").to_config() == {"method": "bm25", "top_n": 3}
    (tmp_path / "limits.yaml").write_text("top_n: 3\nscore_threshold: 0.4\n")
    limited = {"reranker": "embedded", "top_n": 3, "score_threshold": 0.4}
    assert Reranker.from_config(tmp_path / "limits.yaml").to_config() == limited


def test_a_config_is_copied() -> None:
    config = {"method": "bm25", "collection": ["a b"]}
    reranker = Reranker(config)
    config["collection"].append("changed")
    reranker.to_config()["collection"].append("changed")
    assert reranker.to_config()["collection"] == ["a b"]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"method": "bm25", "top_k": 3}, "no option 'top_k'. Did you mean 'top_n'"),
        ({"method": "bm25", "maxlength": 3}, "no option 'maxlength'"),
        ({"method": "cross-encoder", "model": "m", "device": "cpu"}, "It belongs under backend: {type: transformers}"),
        ({"method": "cross-encoder", "model": "m", "backend": {"devise": "cpu"}}, "Did you mean 'device'"),
        ({"method": "cross-encodr", "model": "m"}, "Did you mean 'cross-encoder'"),
        ({"reranker": "ms-marco-minilm-16"}, "Did you mean 'ms-marco-minilm-l"),
        ({"method": "bm25", "strategy": "all-at-onc"}, "Did you mean 'all-at-once'"),
        ({"method": "cross-encoder"}, "needs a model"),
        ({"method": "cross-encoder", "model": 7}, "model is 7"),
        ({"method": "bm25", "model": "m"}, "takes no model"),
        ({"method": "bm25", "top_n": 0}, "top_n: Input should be greater than or equal to 1 (got 0)"),
        ({"method": "bm25", "top_n": True}, "top_n: Input should be a valid integer (got True)"),
        ({"method": "bm25", "k1": "1.5"}, "k1: Input should be a valid number (got '1.5')"),
        ({"method": "bm25", "stemmer": 1}, "stemmer: Input should be a valid boolean (got 1)"),
        ({"method": "bm25", "collection": {"a", "b"}}, "holds what is not plain data"),
        ({"method": "bm25", "top_n": date(2026, 1, 1)}, "A date needs quotes"),
        ({"method": "bm25", "top_n": np.int64(2)}, "a int64. Give a plain number, as value.item() does"),
        ({"rerankr": "bm25"}, "Did you mean 'reranker' by 'rerankr'?"),
        ({"method": "bm25", "collection": (text for text in "ab")}, "holds what is not plain data: a generator"),
        ({"reranker": {"method": "bm25", "collection": iter("ab")}}, "holds what is not plain data"),
        (
            {"method": "bm25", "reranker": {}},
            "a mapping without method, fusion, decomposition, query_rewrite, diversify, boost, stages",
        ),
        ({"reranker": "bm25", "method": "lexical"}, "of the method 'bm25'; 'lexical' cannot override it"),
        ({"method": "bm25", "language": "klingon"}, "no tokenisation for this language"),
        ({"method": "bm25", "on_error": "ignore"}, "on_error is 'ignore'"),
        ({"method": "bm25", "backend": 3}, "backend: 3 is neither"),
        ({"method": "bm25", "fusion": "rrf"}, "method and fusion"),
        ({}, "none of the keys method, fusion, decomposition, query_rewrite, diversify, boost, stages"),
        ({"topn": 3}, "none of the keys method, fusion, decomposition, query_rewrite, diversify, boost, stages"),
        ({"stages": [{"top_n": 3}]}, "none of the keys method, fusion"),
        ({"stages": []}, "stages: List should have at least 1 item after validation, not 0 (got [])"),
        ({"stages": [{"reranker": "bm25"}, 7]}, "stages[1] is 7"),
        ({"stages": [{"reranker": "bm25", "topn": 1}]}, "stages[0] (bm25) has no option 'topn'"),
        ({"fusion": "z-score", "of": ["bm25"], "with": "bm25"}, "give either"),
        ({"fusion": "z-score", "of": ["bm25", "retrieval"], "weights": [1]}, "1 weights for 2 inputs"),
        ({"fusion": "z-score", "of": ["bm25"], "weights": [float("inf")]}, "less than or equal to 1000000000"),
        ({"fusion": "z-score", "of": ["bm25"], "weights": [float("nan")]}, "weights"),
        ({"fusion": "z-score", "of": ["bm25"], "alpha": 0.5}, "alpha weighs exactly two"),
        ({"fusion": "zscore", "of": ["bm25"]}, "'z-score'"),
        ({"reranker": 3}, "reranker: 3"),
        ({"reranker": "embedded", "model_name": "a/b"}, "Did you mean 'model'?"),
        (3, "The config is 3. Give the name of a recipe"),
        (["bm25"], "The first argument is a list of 1. Passages go to the call"),
        (b"bm25", "The config is 4 bytes"),
        ("no-such-recipe", "No recipe is named 'no-such-recipe'"),
        ("missing.yaml", "'missing.yaml' cannot be read"),
    ],
)
def test_mistakes_are_named_with_the_way_out(config, message) -> None:
    with pytest.raises(ConfigError) as caught:
        Reranker(config)
    assert message in str(caught.value)


def test_files_that_hold_no_mapping_are_refused(tmp_path) -> None:
    for text, message in (("- a\n- b", "holds a list"), ("a: [", "does not parse"), ("", "is empty")):
        file = tmp_path / "bad.yaml"
        file.write_text(text)
        with pytest.raises(ConfigError, match=message):
            load(file)


def test_yaml_is_data_only(tmp_path) -> None:
    file = tmp_path / "evil.yaml"
    file.write_text("method: !!python/object/apply:os.getcwd []")
    with pytest.raises(ConfigError, match="does not parse"):
        Reranker(file)


def test_a_backend_that_cannot_answer_is_refused_at_construction() -> None:
    with pytest.raises(CapabilityError, match=r"needs pair_score.*Offered by:.*transformers \(pip install"):
        Reranker({"method": "cross-encoder", "model": "m", "backend": "embedded"})
    poor = ScriptedBackend(arbitrary_response, capabilities=[])
    with pytest.raises(CapabilityError, match="offers nothing"):
        Reranker({"method": "bm25"}, backend=poor)


def test_overrides_merge_into_the_backend_of_the_same_type() -> None:
    base = {"method": "m", "backend": {"type": "transformers", "dtype": "float32"}}
    assert merged(base, {"backend": {"device": "cpu"}})["backend"] == {
        "type": "transformers",
        "dtype": "float32",
        "device": "cpu",
    }
    assert merged(base, {"backend": "embedded"})["backend"] == "embedded"
    assert base["backend"] == {"type": "transformers", "dtype": "float32"}


def test_recipes_expand_to_their_config() -> None:
    expanded = expand({"reranker": "ms-marco-minilm-l6", "top_n": 2})
    assert expanded["method"] == "cross-encoder"
    assert expanded["top_n"] == 2
    assert "reranker" not in expanded


def test_numbers_come_from_the_environment_as_text(monkeypatch) -> None:
    config = {"method": "cross-encoder", "model": "m", "backend": {"batch_tokens": "${SWAPRANK_TEST_TOKENS}"}}
    monkeypatch.setenv("SWAPRANK_TEST_TOKENS", "128")
    assert Reranker(config)._stage.ranker.backend.options.batch_tokens == 128
    monkeypatch.setenv("SWAPRANK_TEST_TOKENS", "many")
    with pytest.raises(ConfigError, match="batch_tokens"):
        Reranker(config)


def test_a_mistake_between_options_names_its_place_once() -> None:
    with pytest.raises(ConfigError, match=r"^config: (?!config:).*3 weights for 2 inputs"):
        Reranker({"fusion": "erank", "of": ["retrieval", "bm25"], "weights": [1, 2, 3]})


def test_a_strategy_option_in_both_places_is_refused() -> None:
    config = {"method": "rankgpt", "model": "m", "strategy": {"type": "sliding-window", "step": 2}, "window_size": 4}
    assert (Reranker(config)._stage.ranker.strategy.step, Reranker(config)._stage.ranker.strategy.window_size) == (2, 4)
    with pytest.raises(ConfigError, match=r"'step' twice: 3 beside 'method' and 2 under 'strategy'.*strategy\.step"):
        Reranker({**config, "step": 3})
