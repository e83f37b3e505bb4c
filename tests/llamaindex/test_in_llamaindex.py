"""Inside real LlamaIndex components: a query engine, an evaluator, a swap by config alone."""

import asyncio

import pytest
import yaml
from llama_index.core import MockEmbedding, Settings, VectorStoreIndex
from llama_index.core.evaluation import RetrieverEvaluator
from llama_index.core.llms import MockLLM
from llama_index.core.schema import TextNode

from llamaindex_rerankers import Reranker
from swaprank.testing import OracleBackend

TEXTS = [
    "Coffee is brewed from beans.",
    "Green tea is not roasted.",
    "Milk comes from cows.",
    "Tea leaves grow on bushes.",
]
QUESTION = "Which tea is green?"


@pytest.fixture(autouse=True)
def no_llm_is_asked_for(monkeypatch) -> None:
    monkeypatch.setattr(Settings, "_llm", MockLLM())


@pytest.fixture
def index() -> VectorStoreIndex:
    nodes = [TextNode(text=text, id_=str(place)) for place, text in enumerate(TEXTS)]
    return VectorStoreIndex(nodes, embed_model=MockEmbedding(embed_dim=4))


def test_query_engine_sync_and_async(index) -> None:
    engine = index.as_query_engine(
        llm=MockLLM(), similarity_top_k=4, node_postprocessors=[Reranker(top_n=2)], response_mode="no_text"
    )
    for response in (engine.query(QUESTION), asyncio.run(engine.aquery(QUESTION))):
        assert [node.node.get_content() for node in response.source_nodes] == [TEXTS[1], TEXTS[3]]


def test_the_reranker_is_swapped_by_the_file_alone(index, tmp_path) -> None:
    file = tmp_path / "reranker.yaml"
    names = []
    for config in (
        {"reranker": "bm25"},
        {"stages": [{"reranker": "bm25", "top_n": 3}, {"reranker": "embedded"}], "top_n": 1},
    ):
        file.write_text(yaml.safe_dump(config))
        engine = index.as_query_engine(
            llm=MockLLM(), similarity_top_k=4, node_postprocessors=[Reranker.from_config(file)], response_mode="no_text"
        )
        names.append([node.node_id for node in engine.query(QUESTION).source_nodes])
    assert names[0][0] == "1"
    assert len(names[0]) == 4
    assert names[1] == ["1"]


def test_the_retrievers_own_query_embedding_does_not_misrank() -> None:
    """It stands in every query bundle, and can be of the same size by another model."""

    class Retriever(MockEmbedding):
        def _get_vector(self) -> list[float]:
            return [-1.0, 0.0]

    oracle = OracleBackend({"Green tea is not roasted.": 3.0})
    reranker = Reranker({"method": "bi-encoder", "model": "oracle"}, backend=oracle)
    nodes = [TextNode(text=text) for text in TEXTS]
    index = VectorStoreIndex(nodes, embed_model=Retriever(embed_dim=2))
    engine = index.as_query_engine(
        llm=MockLLM(), similarity_top_k=4, node_postprocessors=[reranker], response_mode="no_text"
    )
    assert engine.query(QUESTION).source_nodes[0].node.get_content() == "Green tea is not roasted."


def test_retriever_evaluator(index) -> None:
    evaluator = RetrieverEvaluator.from_metric_names(
        ["mrr"], retriever=index.as_retriever(similarity_top_k=4), node_postprocessors=[Reranker(top_n=2)]
    )
    result = evaluator.evaluate(QUESTION, expected_ids=["1"])
    assert result.metric_vals_dict["mrr"] == 1.0
