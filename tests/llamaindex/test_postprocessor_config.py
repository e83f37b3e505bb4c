"""Arguments, dumps and copies of the LlamaIndex postprocessor."""

import copy
import difflib
import json
import pickle
import threading

import pytest
import yaml
from llama_index.core.callbacks import CallbackManager

from llamaindex_rerankers import Reranker
from swaprank import ConfigError
from swaprank import Reranker as CoreReranker
from swaprank.config import registry
from swaprank.stages.stage import Limits
from tests.llamaindex.helpers import Callbacks, nodes, rerank, scripted


@pytest.mark.parametrize(("key", "right"), [("top_k", "top_n"), ("metadata_mod", "metadata_mode")])
def test_unknown_keys_are_refused_with_the_nearest(key, right) -> None:
    """LlamaIndex itself ignores unknown arguments."""
    with pytest.raises(ConfigError, match=f"Did you mean '{right}'"):
        Reranker("bm25", **{key: 3})


def test_no_key_of_the_core_is_taken_for_a_misspelt_one_of_ours() -> None:
    keys = {key for name in registry.names("method") for key in registry.method(name).model_fields} | {"on_error"}
    for key in keys | set(Limits.model_fields):
        assert not difflib.get_close_matches(key, Reranker.model_fields, cutoff=0.8)


def test_no_argument_is_dropped() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'embed'"):
        Reranker("bm25", metadata_mode="embeds")
    with pytest.raises(ConfigError, match="top_n was given"):
        Reranker(CoreReranker("bm25"), top_n=3)
    with pytest.raises(ConfigError, match="config="):
        Reranker("bm25", config={"reranker": "lexical"})
    assert Reranker(method="bm25", top_n=2).to_config() == {"method": "bm25", "top_n": 2}


def test_what_was_fixed_at_construction_cannot_be_set_without_effect() -> None:
    reranker = Reranker("bm25")
    for name, value in (("config", {"reranker": "lexical"}), ("metadata_mode", "embed"), ("top_n", 3)):
        with pytest.raises(ValueError, match=name):
            setattr(reranker, name, value)


def test_config_round_trips_without_weights_and_secrets(tmp_path) -> None:
    config = {"method": "cross-encoder", "model": "no/such-model", "top_n": 3}
    (tmp_path / "r.yaml").write_text(json.dumps(config))
    for reranker in (Reranker(config), Reranker.from_config(tmp_path / "r.yaml"), Reranker(CoreReranker(config))):
        assert reranker.to_config() == config
        for twin in (
            Reranker.from_dict(reranker.to_dict()),
            Reranker.from_json(reranker.to_json()),
            Reranker.model_validate(yaml.safe_load(yaml.safe_dump(reranker.model_dump()))),
            Reranker.model_validate_json(reranker.model_dump_json()),
            pickle.loads(pickle.dumps(reranker)),
            copy.deepcopy(reranker),
        ):
            assert twin.to_config() == config
            assert twin.to_dict() == reranker.to_dict()
    secret = Reranker({**config, "backend": {"type": "transformers", "token": "hf_secret"}}, metadata_mode="all")
    assert "hf_secret" not in repr(secret) + str(secret.to_config()) + secret.to_json() + secret.model_dump_json()
    assert Reranker.from_dict(secret.to_dict()).metadata_mode == "all"
    assert Reranker.class_name() == secret.to_dict()["class_name"] == "SwaprankReranker"


def test_overrides_beside_a_dump_and_the_json_schema() -> None:
    assert Reranker.from_dict(Reranker("bm25").to_dict(), top_n=2).to_config() == {"reranker": "bm25", "top_n": 2}
    assert {"config", "metadata_mode"} <= Reranker.model_json_schema()["properties"].keys()


def test_a_deep_copy_has_its_own_callbacks_and_copies_no_lock() -> None:
    reranker = scripted()
    reranker.callback_manager = manager = CallbackManager([Callbacks()])
    manager.lock = threading.Lock()
    twin = copy.deepcopy(reranker)
    twin.callback_manager = CallbackManager([])
    assert reranker.callback_manager is manager
    assert [one.score for one in rerank(twin, nodes())] == [3.0, 2.0, 1.0]
