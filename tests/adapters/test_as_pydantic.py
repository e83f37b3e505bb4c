"""The rerankers of both adapters behave as other pydantic objects do: equality, copies, fields of other models."""

import copy
import pickle

import pytest
from pydantic import BaseModel

from swaprank import ConfigError, InputError
from swaprank import Reranker as CoreReranker


@pytest.fixture(params=["llamaindex", "langchain"])
def adapter(request):
    pytest.importorskip({"llamaindex": "llama_index.core", "langchain": "langchain_core"}[request.param])
    return pytest.importorskip(f"{request.param}_rerankers")


def test_what_comes_back_from_a_dump_a_pickle_and_a_copy_is_equal(adapter) -> None:
    reranker = adapter.Reranker("bm25", top_n=2, include_reasoning=True)
    kind = type(reranker)
    assert kind.model_validate(reranker.model_dump()) == reranker
    assert kind.model_validate_json(reranker.model_dump_json()) == reranker
    assert pickle.loads(pickle.dumps(reranker)) == reranker
    assert copy.deepcopy(reranker) == copy.copy(reranker) == reranker.model_copy(deep=True) == reranker


def test_another_config_option_secret_backend_or_class_is_not_equal(adapter) -> None:
    reranker = adapter.Reranker("bm25", top_n=2)
    assert reranker != adapter.Reranker("bm25", top_n=3)
    assert reranker != adapter.Reranker("bm25", top_n=2, include_reasoning=True)
    assert reranker != type("Mine", (adapter.Reranker,), {})("bm25", top_n=2)
    assert reranker != "bm25"
    hosted = [
        adapter.Reranker(
            method="rankgpt",
            model="m",
            backend={"type": "http", "api": "openai-chat", "base_url": "http://x", "api_key": key},
        )
        for key in ("one", "other")
    ]
    assert hosted[0].to_config() == hosted[1].to_config()
    assert hosted[0] != hosted[1]


def test_a_name_in_a_field_of_another_model_is_a_reranker(adapter) -> None:
    app = type("App", (BaseModel,), {"__annotations__": {"reranker": adapter.Reranker, "k": int}})
    built = app.model_validate({"reranker": "bm25", "k": 3})
    assert built.reranker == adapter.Reranker("bm25")
    assert app.model_validate({"reranker": {"reranker": "bm25", "top_n": 1}, "k": 3}).reranker.top_n == 1
    assert app.model_validate_json(built.model_dump_json()) == built
    with pytest.raises(ValueError, match="No recipe is named 'bm26'"):
        app.model_validate({"reranker": "bm26", "k": 3})


@pytest.mark.parametrize("update", [{"config": {"reranker": "bm25", "top_n": 5}}, {"top_n": 5}])
def test_a_copy_does_not_pretend_to_have_another_config(adapter, update) -> None:
    with pytest.raises(ConfigError, match=f"cannot change {next(iter(update))}.*Build another"):
        adapter.Reranker("bm25").model_copy(update=update)
    assert adapter.Reranker("bm25").model_copy(update={"include_reasoning": True}).include_reasoning


def test_the_core_names_the_adapter_for_what_a_framework_found() -> None:
    documents = pytest.importorskip("langchain_core.documents")
    schema = pytest.importorskip("llama_index.core.schema")
    for found, package in (
        (documents.Document("tea"), "langchain_rerankers"),
        (schema.NodeWithScore(node=schema.TextNode(text="tea")), "llamaindex_rerankers"),
    ):
        with pytest.raises(InputError, match=rf"passages\[0\] is of type .*{package}.Reranker takes it"):
            CoreReranker("bm25").rerank("tea", [found])
