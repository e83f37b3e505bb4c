"""Hosted rerankers by name: recipes of them, and what to write for the names that services use themselves."""

import pytest

from swaprank import ConfigError, Reranker
from swaprank.backends.http.services import SERVICES
from swaprank.config import recipe
from swaprank.config.recipe_facts import facts
from swaprank.evaluation.choosing.available import available_recipes
from swaprank.evaluation.choosing.recommend import Need, recommend

HOSTED = {name: one for name, one in recipe.all_recipes().items() if one.service}


def test_recipes_of_services_need_their_key_alone() -> None:
    assert len(HOSTED) >= 21
    assert {one.service for one in HOSTED.values()} <= set(SERVICES)
    for name, one in HOSTED.items():
        assert Reranker(name).to_config() == {"reranker": name}
        assert facts(one) | {"commercial_use": "yes", "backends": ["http"], "memory_bf16": "unknown"} == facts(one)


def test_a_missing_key_is_named_with_its_service(monkeypatch) -> None:
    for name in SERVICES["cohere"].keys:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match="Cohere needs the environment variable COHERE_API_KEY"):
        Reranker("cohere-rerank-v3.5")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rerank-v3.5", r"It is a hosted model: write 'cohere-rerank-v3\.5'\.$"),
        ("rerank-2.5", r"write 'voyage-rerank-2\.5'\.$"),
        ("amazon.rerank-v1:0", "write 'bedrock-amazon-rerank-v1'"),
        (
            "rerank-english-v3.0",
            r"of Cohere, write \{method: cross-encoder, model: rerank-english-v3\.0, .*api: cohere",
        ),
        ("rerank-2-lite", r"of Voyage AI, write .*model: rerank-2-lite, .*api: voyage"),
        ("rerank-v5.0-pro", r"It is a hosted model: write 'cohere-rerank-v5\.0-pro'\.$"),
        ("ctxl-rerank-v2-instruct-multilingual", "write 'contextual-hosted-rerank-v2'"),
        ("ctxl-rerank-v1-instruct", "of Contextual AI, write .*api: contextual"),
        ("kanon-universal-classifier", "of Isaacus, write .*api: isaacus"),
        ("semantic-ranker-fast-004", "of Vertex AI, write .*api: vertex"),
        ("cohere", r"a hosted service: name a recipe of it \(cohere-rerank-v3\.5, .*or write .*model: \.\.\.,"),
        ("azure", r"a hosted service: name its model, or write .*api: azure"),
        ("gpt-4o", r"An LLM needs a method.*method: rankgpt, model: gpt-4o, .*openai-chat"),
        ("o3-mini", "An LLM needs a method"),
        ("claude-sonnet-4-5", "An LLM needs a method"),
        ("zerank-3", "Did you mean 'zerank-2'"),
    ],
)
def test_names_of_services_and_of_their_models_say_what_to_write(name, message) -> None:
    with pytest.raises(ConfigError, match=f"No recipe is named '{name}'.*{message}"):
        Reranker(name)


def test_a_model_that_is_hosted_and_on_the_hub_is_that_of_the_hub() -> None:
    reranker = Reranker("mixedbread-ai/mxbai-rerank-large-v2")
    assert reranker._stage.ranker.method.name == "mxbai-rerank-v2"


def test_only_models_of_ones_own_machine_are_recommended_and_compared() -> None:
    assert not HOSTED.keys() & {one.name for one in recommend(Need(device="cuda"))}
    assert not HOSTED.keys() & set(available_recipes())
