"""`swaprank trace` as it is typed."""

import json

from tests.cli.helpers import swaprank


def test_one_query_as_a_tree_and_as_json(tmp_path) -> None:
    lines = tmp_path / "queries.jsonl"
    lines.write_text(
        json.dumps({"query": "milk", "passages": ["tea"]})
        + "\n"
        + json.dumps({"query": "green tea", "passages": ["coffee", "tea [bold]leaves", {"text": "green tea"}]})
    )
    run = ("trace", "-r", "bm25", "-i", lines, "--line", "2")
    shown = swaprank(*run, "--texts").stdout
    assert "bm25: 3 in, 3 out" in shown
    assert "tea [bold]leaves" in shown
    assert "leaves" not in swaprank(*run).stdout
    assert json.loads(swaprank(*run, "--json").stdout)["kept"][0] == 2
    assert "candidate 1 (was 2)" in swaprank("trace", "-r", "bm25", "-q", "tea", "-p", "milk", "-p", "tea").stdout
    assert "has no line 3" in swaprank(*run[:-1], "3", check=2).stderr
    assert "nothing to trace" in swaprank("trace", "-r", "bm25", "-q", "tea", check=2).stderr
