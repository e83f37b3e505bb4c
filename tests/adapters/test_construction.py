"""make_reranker drops no argument of an adapter's class: each reaches the core or is refused."""

import pytest

from swaprank import ConfigError, Reranker
from swaprank.adapters import ANY_CONFIG, DECOMPOSITION_CONFIG, FUSION_CONFIG, LlmOptions, make_reranker
from swaprank.requests import Capability
from swaprank.testing import ScriptedBackend


class Provider:
    """A framework's LLM; given by the user unless it is the framework's default."""

    name = "gpt"

    def __init__(self, given: bool = True) -> None:
        self.llm = self if given else None

    def __call__(self, options: LlmOptions, model: str) -> ScriptedBackend:
        return ScriptedBackend(lambda request: None, capabilities={Capability.TEXT})


LLM = {"type": "llm"}


@pytest.mark.parametrize("given", [True, False])
def test_the_llm_is_the_backend_of_a_single_method_or_decomposition(given) -> None:
    llm = Provider(given)
    options = {} if given else {"backend": "llm"}
    made = make_reranker(ANY_CONFIG, {"method": "rankgpt"}, options, llm=llm).to_config()
    assert made == {"method": "rankgpt", "model": "gpt", "backend": LLM}
    made = make_reranker(DECOMPOSITION_CONFIG, None, {"rerank": "bm25", **options}, llm=llm).to_config()
    assert made == {"decomposition": "original", "rerank": "bm25", "model": "gpt", "backend": LLM}
    made = make_reranker(ANY_CONFIG, {"method": "rankgpt", "model": "mine"}, options, llm=llm).to_config()
    assert made["model"] == "mine"
    made = make_reranker(ANY_CONFIG, "rankzephyr", {**options}, llm=llm).to_config()
    assert made == {"reranker": "rankzephyr", "backend": LLM}


def test_parts_of_a_cascade_say_themselves_that_they_ask_the_llm() -> None:
    stages = {"stages": ["bm25", {"method": "rankgpt", "backend": "llm", "model": "x"}]}
    assert make_reranker(ANY_CONFIG, stages, {}, llm=Provider()).to_config() == stages


@pytest.mark.parametrize("backend", ["transformers", {"type": "http"}, ScriptedBackend(lambda request: None)])
def test_an_llm_beside_another_backend_is_refused(backend) -> None:
    with pytest.raises(ConfigError, match="Both llm= and"):
        make_reranker(ANY_CONFIG, {"method": "rankgpt"}, {"backend": backend}, llm=Provider())


def test_nothing_stands_beside_a_ready_reranker() -> None:
    ready = Reranker("bm25")
    assert make_reranker(ANY_CONFIG, ready, {}, llm=Provider(given=False)) is ready
    for options, llm in (({"top_n": 3}, None), ({}, Provider())):
        with pytest.raises(ConfigError, match="ready reranker"):
            make_reranker(ANY_CONFIG, ready, options, llm=llm)
    with pytest.raises(ConfigError, match="HybridFusion takes a config with the key 'fusion'"):
        make_reranker(FUSION_CONFIG, ready, {})


def test_a_ready_backend_stands_beside_a_recipe_with_a_backend_of_its_own() -> None:
    backend = ScriptedBackend(lambda request: None, capabilities={Capability.TEXT})
    recipe = {"reranker": {"method": "rankgpt", "model": "any", "backend": {"type": "vllm"}}}
    assert make_reranker(ANY_CONFIG, recipe, {"backend": backend}).to_config()["backend"] == {"type": "scripted"}


def test_a_misspelt_field_names_the_class_and_the_field() -> None:
    with pytest.raises(ConfigError, match=r"QuestionDecomposition has no option 'retreiver'.*'retriever'"):
        make_reranker(DECOMPOSITION_CONFIG, None, {"retreiver": None}, fields={"retriever"})
