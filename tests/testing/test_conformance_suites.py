"""The suites for third-party rerankers pass ours, name every broken promise of others, and their page is what they find."""

import re
from pathlib import Path

import pytest
from langchain_core.documents import BaseDocumentCompressor, Document
from llama_index.core.postprocessor.types import BaseNodePostprocessor

import langchain_rerankers
import llamaindex_rerankers
from swaprank.testing import (
    check_compressor,
    check_postprocessor,
    compressor_findings,
    postprocessor_findings,
)
from tests.benchmarks.conformance import langchain_classes
from tests.benchmarks.conformance.classes import Result, examined
from tests.benchmarks.conformance.page import page

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("config", ["embedded", "bm25", {"stages": [{"reranker": "bm25"}, {"reranker": "lexical"}]}])
def test_our_rerankers_pass(config) -> None:
    check_postprocessor(llamaindex_rerankers.Reranker(config))
    check_compressor(langchain_rerankers.Reranker(config))


class Careless(BaseDocumentCompressor):
    """Drops empty texts, makes new documents, writes scores in the wrong order and breaks on an empty list."""

    def compress_documents(self, documents, query, callbacks=None):
        documents[0].metadata["seen"] = True
        kept = [one for one in documents if one.page_content]
        return [
            Document(page_content=one.page_content, metadata={"relevance_score": float(place)})
            for place, one in enumerate(kept)
        ]


def test_each_broken_promise_of_a_compressor_is_named() -> None:
    broken = {one.name for one in compressor_findings(Careless()) if one.problem is not None}
    assert broken == {"odd-texts", "empty", "untouched", "identity", "metadata", "order"}
    with pytest.raises(AssertionError, match=r"(?s)Careless breaks 6 of 15 promises.*- empty: .* IndexError"):
        check_compressor(Careless())
    check_compressor(Careless(), skip=broken)
    with pytest.raises(ValueError, match=r"no promise ordr to skip\. There are: permutation,"):
        check_compressor(Careless(), skip={"ordr"})


class Thoughtless(BaseNodePostprocessor):
    """Sorts the caller's list by what it writes into the caller's nodes, and says nothing to anybody."""

    secret: str = "given"

    def __init__(self, **options) -> None:
        super().__init__()

    def _postprocess_nodes(self, nodes, query_bundle=None):
        for place, one in enumerate(nodes):
            one.score = -float(place)
            one.node.metadata["retrieval_score"] = 1.0
        nodes.sort(key=lambda one: one.node.node_id, reverse=True)
        return [one for one in nodes if one.node.text.strip()]


def test_each_broken_promise_of_a_postprocessor_is_named() -> None:
    broken = {one.name for one in postprocessor_findings(Thoughtless()) if one.problem is not None}
    assert broken == {"odd-texts", "untouched", "prompt", "order", "query", "events"}
    with pytest.raises(AssertionError, match="Thoughtless breaks"):
        check_postprocessor(Thoughtless())
    check_postprocessor(Thoughtless(), skip=broken)


def test_the_page_shows_what_is_found_here() -> None:
    """For the classes whose packages the tests have; `make conformance` asks all of them."""
    text = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
    asked = [one for one in langchain_classes.classes("http://127.0.0.1:9") if one.package == "langchain-classic"]
    results = [one for one in (examined(one, compressor_findings) for one in asked) if not one.absent]
    assert len(results) >= 3  # EmbeddingsFilter needs langchain-community too
    for line in page({"LangChain": results}).splitlines():
        if line.startswith(("| `", "    - ")):
            assert re.sub(r" \d+\.\d+\.\d+ ", " ", line) in re.sub(r" \d+\.\d+\.\d+ ", " ", text)


def test_an_absent_package_is_told() -> None:
    absent = Result("`Other`", "other", [], absent=True)
    ours = examined(langchain_classes.classes("")[0], compressor_findings)
    assert "| `Other` | other | not installed |  |" in page({"LangChain": [ours, absent]})
