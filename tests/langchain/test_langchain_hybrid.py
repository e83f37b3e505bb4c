"""HybridFusion as a document compressor."""

import asyncio
import pickle

import pytest
from langchain_core.documents import Document

from langchain_rerankers import RELEVANCE_SCORE, RETRIEVAL_SCORE, SCORE_KIND, HybridFusion
from swaprank import ConfigError, Passage
from swaprank import Reranker as CoreReranker
from swaprank.testing import check_compressor


def found() -> list[Document]:
    return [
        Document(page_content="coffee beans", id="c", metadata={"score": 0.9}),
        Document(page_content="green tea leaves", id="g", metadata={"score": 0.8}),
        Document(page_content="tea", id="t", metadata={"score": 0.7}),
        Document(page_content="green tea leaves", id="g", metadata={"score": 0.95, "source": "sparse"}),
    ]


def test_the_public_conformance_check_holds() -> None:
    check_compressor(HybridFusion())
    check_compressor(HybridFusion(fusion="combmnz", of=["first-stage", "bm25"]))


def test_scores_are_fused_labelled_and_copies_merged() -> None:
    fusion = HybridFusion(fusion="rrf", of=["retrieval", "bm25"], k=10)
    fused = fusion.compress_documents(found(), "green tea")
    assert sorted(one.id for one in fused) == ["c", "g", "t"]
    assert (fused[0].id, fused[0].metadata["source"], fused[0].metadata[RETRIEVAL_SCORE]) == ("g", "sparse", 0.95)
    assert {one.metadata[SCORE_KIND] for one in fused} == {"fused"}
    passages = [Passage("coffee beans", score=0.9), Passage("tea", score=0.7), Passage("green tea leaves", score=0.95)]
    core = CoreReranker({"fusion": "rrf", "of": ["retrieval", "bm25"], "k": 10}).rerank("green tea", passages)
    assert [one.metadata[RELEVANCE_SCORE] for one in fused] == pytest.approx(sorted(core.scores, reverse=True))
    assert asyncio.run(fusion.acompress_documents(found(), "green tea")) == fused
    twin = pickle.loads(pickle.dumps(fusion))
    assert twin.compress_documents(found(), "green tea") == fused


def test_documents_without_an_id_are_never_merged() -> None:
    same = [Document(page_content="tea"), Document(page_content="tea")]
    assert len(HybridFusion().compress_documents(same, "tea")) == 2


def test_what_is_left_out_is_filled_in_and_what_is_wrong_refused() -> None:
    assert HybridFusion().to_config() == {"fusion": "evidence", "of": ["first-stage", "bm25"], "deduplicate": True}
    assert HybridFusion(config=HybridFusion(top_n=3).to_config()).to_config()["top_n"] == 3
    with pytest.raises(ConfigError, match="takes a config with the key 'fusion'"):
        HybridFusion({"stages": ["bm25"]})


def test_type_checkers_see_the_arguments_not_the_fields() -> None:
    """mypy and pyright derive a signature for pydantic classes that do not write their own."""
    assert all("__init__" in vars(kind) for kind in (HybridFusion, *HybridFusion.__bases__))
