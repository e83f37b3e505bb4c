"""Each notebook runs from its first cell to its last, and prints what it shows."""

import contextlib
import io
import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def test_there_is_one_for_each_framework() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["langchain", "llamaindex"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_prints_what_it_shows(path, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    known: dict[str, object] = {}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] != "code":
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile("".join(cell["source"]), cell["id"], "exec"), known)
        assert printed.getvalue() == "".join(text for output in cell["outputs"] for text in output["text"]), cell["id"]
