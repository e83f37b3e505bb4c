"""`swaprank compare`: kept results beside one another, as tables and as a page."""

import pytest

from tests.cli.helpers import swaprank
from tests.cli.test_cli import SAMPLE


def test_results_of_one_data_set_become_one(tmp_path) -> None:
    pytest.importorskip("plotly")
    data = ("eval", "--data", SAMPLE / "en", "--measures", "nDCG@10", "--limit", "6")
    for name in ("bm25", "lexical"):
        swaprank(*data, "-r", name, "--runs", tmp_path / name)
    both = (tmp_path / "bm25", tmp_path / "lexical" / "evaluation.json")
    done = swaprank("compare", *both, "--html", tmp_path / "report.html")
    assert all(word in done.stdout for word in ("first stage", "bm25", "lexical", "Holm-corrected", "Written to"))
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    swaprank(*data[:-1], "5", "-r", "bm25", "--runs", tmp_path / "other")
    assert "do not compare" in swaprank("compare", tmp_path / "bm25", tmp_path / "other", check=2).stderr
    (tmp_path / "empty").mkdir()
    assert "holds no result" in swaprank("compare", tmp_path / "empty", check=2).stderr
    (tmp_path / "bm25" / "evaluation.json").unlink()
    assert "was not finished" in swaprank("compare", tmp_path / "bm25", check=2).stderr
    assert "cannot be read" in swaprank("compare", tmp_path / "missing", check=2).stderr
