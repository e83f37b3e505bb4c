"""A BM25 index of LangChain documents."""

from langchain_core.documents import Document

from langchain_rerankers import HybridFusion, Reranker, bm25_index
from swaprank import BM25Index


def documents() -> list[Document]:
    texts = {"milk": "tea with milk", "alone": "tea alone", "samovar": "a rare samovar"}
    return [Document(page_content=text, id=id_, metadata={"title": id_.upper()}) for id_, text in texts.items()]


def test_built_used_and_followed(tmp_path) -> None:
    path = str(tmp_path / "i")
    built = bm25_index(documents(), path, language="en")
    assert [id_ for id_, _ in built.search("samovar")] == ["samovar"]
    fusion = HybridFusion(fusion="z-score", of=[{"method": "bm25", "collection": path}])
    assert fusion.compress_documents(documents(), "milk")[0].id == "milk"
    bm25_index([*documents()[:2], Document(page_content="coffee")], path, language="en")
    assert len(BM25Index.load(path)) == 3
    assert set(BM25Index.load(path).ids) > {"milk", "alone"}


def test_titles_are_read_as_the_reranker_reads_them(tmp_path) -> None:
    path = str(tmp_path / "i")
    built = bm25_index(documents(), path, title_key="title")
    ranked = Reranker("bm25", collection=path, title_key="title").compress_documents(documents(), "alone")
    assert ranked[0].metadata["relevance_score"] == dict(built.search("alone"))["alone"]
