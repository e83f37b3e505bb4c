"""The Python of every page runs, statement by statement, up to weights that are not here; names it does not make stand in."""

import ast
import re
from pathlib import Path

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.vectorstores import InMemoryVectorStore
from llama_index.core import MockEmbedding, VectorStoreIndex
from llama_index.core.llms import MockLLM
from llama_index.core.schema import TextNode
from PIL import Image
from typer.testing import CliRunner

import llamaindex_rerankers
from swaprank import Passage, Query, Reranker
from swaprank.cli.app import app
from swaprank.errors import BackendError
from swaprank.testing import ScriptedBackend, arbitrary_response

ROOT = Path(__file__).parents[2]
# These run by themselves, in test_docs.py and test_contributing.py.
COMPLETE = {"quick-start-llamaindex", "quick-start-langchain", "arabic"}
INSTRUCTED = {"method": "qwen3-reranker", "model": "some/model"}
TEXTS = ["Green tea leaves are steamed.", "Coffee is roasted.", "The harbour was built in 1931."]


def blocks() -> list:
    found = []
    for page in sorted((ROOT / "docs").glob("*.md")):
        if page.stem not in COMPLETE:
            texts = re.findall(
                r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
            )
            found += [pytest.param(text, id=f"{page.stem} {place}") for place, text in enumerate(texts)]
    return found


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    """A folder with the files that pages name."""
    folder = tmp_path_factory.mktemp("pages")
    for name in ("page-1.png", "page-2.png", "page-3.png", "sunset.jpg", "night.jpg"):
        Image.new("RGB", (8, 8)).save(folder / name)
    (folder / "reranker.yaml").write_text("reranker: qwen3-reranker-0.6b\n")
    sample = str(ROOT / "core" / "swaprank" / "sample" / "en")
    done = CliRunner().invoke(
        app, ["eval", "--data", sample, "-r", "bm25", "--limit", "2", "--runs", str(folder / "measured")]
    )
    assert done.exit_code == 0, done.output
    return folder


def stand_ins() -> dict[str, object]:
    """What a reader of any page has: an index, a store, candidates, a question."""
    nodes = [TextNode(text=text, embedding=[1.0, float(place)]) for place, text in enumerate(TEXTS)]
    index = VectorStoreIndex(nodes, embed_model=MockEmbedding(embed_dim=2))
    store = InMemoryVectorStore(DeterministicFakeEmbedding(size=2))
    store.add_texts(TEXTS)
    passages = [Passage(text, embedding=(1.0, float(place))) for place, text in enumerate(TEXTS)]
    reranker = Reranker(INSTRUCTED, backend=ScriptedBackend(arbitrary_response))
    postprocessor = llamaindex_rerankers.Reranker(INSTRUCTED, backend=ScriptedBackend(arbitrary_response))
    return {
        "index": index,
        "docstore": index.docstore,
        "retriever": index.as_retriever(),
        "engine": index.as_query_engine(llm=MockLLM(), node_postprocessors=[postprocessor]),
        "store": store,
        "vectorstore": store,
        "documents": [Document(page_content=text) for text in TEXTS],
        "passages": passages,
        "tickets": passages,
        "by_clip": passages,
        "by_captions": passages[::-1],
        "question": "How is green tea made?",
        "text": "How is green tea made?",
        "vector": (1.0, 0.0),
        "reranker": reranker,
        "ranking": reranker.rerank(Query("tea", embedding=(1.0, 0.0)), passages),
        "Query": Query,
        "Passage": Passage,
        "Reranker": Reranker,
    }


@pytest.mark.parametrize("text", blocks())
def test_the_code_of_a_page_runs(text, files, monkeypatch) -> None:
    monkeypatch.chdir(files)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("IS_TESTING", "1")  # LlamaIndex then makes a mock of the LLM that is not named
    known = stand_ins()
    for statement in ast.parse(text).body:
        try:
            exec(compile(ast.Module([statement], []), "page", "exec"), known)
        except BackendError as error:
            assert "cannot be loaded" in str(error), statement
