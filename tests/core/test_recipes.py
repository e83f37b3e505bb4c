"""Recipes: they all build, and say what a user must know."""

import pytest

from swaprank import ConfigError, Reranker
from swaprank.recipe import all_recipes, get

OWED = [
    *(
        "embedded",
        "embedded-minilm",
        "ara-reranker-v1",
        "bge-reranker-v2-m3",
        "bge-reranker-base",
        "bge-reranker-large",
    ),
    *(
        "ms-marco-minilm-l6",
        "ms-marco-minilm-l12",
        "ms-marco-tinybert-l2",
        "gte-reranker-modernbert",
        "jina-reranker-v2",
    ),
    *("mxbai-rerank-xsmall-v1", "mxbai-rerank-base-v1", "mxbai-rerank-large-v1", "all-minilm-l6-v2"),
]


@pytest.mark.parametrize("name", sorted({*all_recipes(), *OWED}))
def test_every_recipe_builds_and_round_trips(name) -> None:
    reranker = Reranker(name, top_n=5)
    assert reranker.name == name
    assert reranker.to_config() == {"reranker": name, "top_n": 5}
    recipe = get(name)
    assert recipe.description.endswith(".")
    assert "trust_remote_code" not in str(recipe.config)


def test_unknown_recipes_name_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'ara-reranker-v1'"):
        get("ara-reranker-v2")
