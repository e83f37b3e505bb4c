"""The examples over page images run in both frameworks, here with a tiny model, and keep to its order."""

import importlib
from pathlib import Path

import pytest

from swaprank import Passage, Reranker
from tests.conftest import GOLDEN, MODELS

pytestmark = pytest.mark.torch
pytest.importorskip("torch")
pytest.importorskip("PIL")
EXAMPLES = Path(__file__).parents[2] / "examples"
PAGES = [str(GOLDEN / "images" / f"page_{name}.png") for name in ("tea", "harbour", "budget", "dense")]
CONFIG = {"method": "late-interaction", "model": str(MODELS / "tiny-colqwen2"), "images": "read"}


@pytest.mark.parametrize("name", ["llamaindex_pages", "langchain_pages"])
def test_pages(name, monkeypatch, capsys) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    question = "What does the harbour project cost?"
    found = importlib.import_module(name).main(question, PAGES, CONFIG)
    expected = Reranker(CONFIG, top_n=3).rerank(question, [Passage("", images=page) for page in PAGES])
    assert found == [PAGES[place] for place in expected.order]
    assert len(capsys.readouterr().out.splitlines()) == 3
