"""A BM25 index of LlamaIndex nodes."""

import pytest
from llama_index.core import MockEmbedding, VectorStoreIndex
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.core.storage.docstore import SimpleDocumentStore

from llamaindex_rerankers import HybridFusion, bm25_index
from swaprank import BM25Index
from tests.llamaindex.helpers import rerank


def nodes() -> list[TextNode]:
    texts = {"milk": "tea with milk", "alone": "tea alone", "samovar": "a rare samovar"}
    return [TextNode(text=text, id_=id_, metadata={"page": "seven"}) for id_, text in texts.items()]


def docstore() -> SimpleDocumentStore:
    store = SimpleDocumentStore()
    store.add_documents(nodes())
    return store


def index() -> VectorStoreIndex:
    return VectorStoreIndex(nodes(), embed_model=MockEmbedding(embed_dim=2))


@pytest.mark.parametrize("source", [nodes, docstore, index])
def test_built_from_nodes_a_docstore_or_an_index(source, tmp_path) -> None:
    built = bm25_index(source(), tmp_path / "i", language="en")
    assert sorted(built.ids) == ["alone", "milk", "samovar"]
    assert [id_ for id_, _ in built.search("samovar")] == ["samovar"]
    candidates = [NodeWithScore(node=node, score=0.5) for node in nodes()]
    fusion = HybridFusion(fusion="z-score", of=[{"method": "bm25", "collection": str(tmp_path / "i")}])
    assert rerank(fusion, candidates, query="milk")[0].node.node_id == "milk"
    assert built.scores("milk", ["tea with milk"]) == [dict(built.search("milk"))["milk"]]


def test_metadata_can_be_read_and_changes_are_followed(tmp_path) -> None:
    assert bm25_index(nodes(), tmp_path / "i").search("seven") == []
    assert len(bm25_index(nodes(), tmp_path / "i", metadata_mode="embed").search("seven")) == 3
    bm25_index([*nodes()[:2], TextNode(text="coffee", id_="new")], tmp_path / "i")
    assert sorted(BM25Index.load(tmp_path / "i").ids) == ["alone", "milk", "new"]
