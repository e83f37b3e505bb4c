"""The pieces that CONTRIBUTING.md shows work as they stand, put where it says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^( *)```(?:python|yaml)\n\1# (\S+/\S+\.(?:py|yaml))\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)

TRIED = """
from swaprank import Reranker
from swaprank.backends.counting import BACKEND
from swaprank.config import recipe, registry
from swaprank.requests import PairScore
from swaprank.testing import check_backend, check_method, check_reranker
from tests.strategies.play import outcome

check_method({"method": "by-length", "model": "scripted"})
check_backend(BACKEND("", BACKEND.Options()), [PairScore("green tea", "Tea"), PairScore("green tea", "coffee")])
check_reranker(Reranker({"reranker": "by-length-minilm", "backend": "counting", "strategy": "halves"}))
for n in (1, 2, 7):
    end, _ = outcome(registry.strategy("halves")(), n, lambda group: [-float(index) for index in group])
    assert list(end.order) == list(range(n))
assert recipe.get("by-length-minilm").license
ranking = Reranker("by-length-minilm", backend="counting").rerank("green tea", ["coffee", "tea that is green"])
assert ranking.order == [1, 0]
"""


ADAPTED = """
import asyncio
from another_framework.ranker import Document, Ranker
from swaprank import InputError

documents = [Document("coffee", "c", 2.0), Document("green tea", "t", 1.0, {"page": 3})]
for ranked in (Ranker("bm25").run("tea", documents), asyncio.run(Ranker("bm25").run_async("tea", documents))):
    assert [one.id for one in ranked] == ["t", "c"]
    assert ranked[0].meta["page"] == 3 and ranked[0].meta["retrieval_score"] == 1.0
assert documents[1].meta == {"page": 3} and documents[1].score == 1.0
try:
    Ranker("bm25").run("tea", ["green tea"])
except InputError as error:
    assert "Document(content=" in str(error)
else:
    raise AssertionError("a text was taken for a document")
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """The core with every piece in its place."""
    root = tmp_path_factory.mktemp("contributing")
    shutil.copytree(ROOT / "core", root / "core", ignore=shutil.ignore_patterns("__pycache__"))
    for indent, name, body in BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")):
        path = root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(re.sub(rf"^{indent}", "", body, flags=re.MULTILINE), encoding="utf-8")
    return root


def run(copy: Path, *command: str) -> subprocess.CompletedProcess[str]:
    paths = {"PYTHONPATH": os.pathsep.join([str(copy / "core"), str(copy), str(ROOT)])}
    return subprocess.run(command, cwd=copy, env={**os.environ, **paths}, capture_output=True, text=True, check=False)


def test_a_method_a_recipe_a_strategy_and_a_backend_are_found_and_keep_the_promises(copy) -> None:
    done = run(copy, sys.executable, "-c", TRIED)
    assert done.returncode == 0, done.stderr


def test_an_adapter_for_another_framework_reorders_its_documents(copy) -> None:
    done = run(copy, sys.executable, "-c", ADAPTED)
    assert done.returncode == 0, done.stderr


def test_the_pieces_are_in_the_style_of_the_project(copy) -> None:
    pieces = [str(copy / name) for name in re.findall(r"# (\S+/\S+\.py)\n", (ROOT / "CONTRIBUTING.md").read_text())]
    assert len(pieces) == 6
    ruff = [sys.executable, "-m", "ruff", "check", "--config", str(ROOT / "pyproject.toml"), "--no-cache", *pieces]
    assert not (found := run(copy, *ruff)).returncode, found.stdout
