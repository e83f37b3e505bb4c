"""``swaprank calibrate`` writes a map that the config then uses, and never destroys a file."""

import json

import pytest
from typer.testing import CliRunner

from swaprank import Reranker
from swaprank.cli.app import app
from swaprank.errors import ConfigError, InputError

pytest.importorskip("sklearn")
THINGS = ("house", "harbour", "ship", "bird", "river", "tower")


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "pairs.jsonl"
    lines = [
        {"query": f"green {thing}", "passage": passage, "label": label}
        for thing in THINGS
        for passage, label in ((f"A green {thing} by the sea", 1), ("Lunch is at noon", 0), (f"No {thing} was seen", 0))
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def run(*arguments) -> str:
    result = CliRunner().invoke(app, ["calibrate", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_config_keeps_its_comments_and_gets_a_map(tmp_path, data, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    config = tmp_path / "reranker.yaml"
    config.write_text("reranker: bm25   # no model\nscore_threshold: 0.5\n", encoding="utf-8")
    printed = run("-c", config, "--data", data)
    assert config.read_text(encoding="utf-8").startswith(
        "reranker: bm25   # no model\nscore_threshold: 0.5\nrelevance: {"
    )
    assert "6 of 18 passages relevant" in printed and "│             0.5 │" in printed
    table = [line for line in printed.splitlines() if "│" in line or "┃" in line]
    assert all(len(line) <= 80 for line in table)
    assert Reranker(config).rerank("green bird", ["Lunch", "A green bird by the sea", "No bird was seen"]).order == [1]


def test_json_and_a_new_file(tmp_path, data) -> None:
    target = tmp_path / "new.yaml"
    figures = json.loads(run("--data", data, "-o", target, "--json"))
    assert figures["written"] == str(target) and figures["held_out"] and figures["pairs"] == 18
    assert {"threshold", "precision", "recall", "kept"} == set(figures["thresholds"][0])
    assert Reranker(target).to_config() == {"reranker": "embedded", "relevance": figures["relevance"]}


def test_nothing_is_written_over_or_without_a_target(tmp_path, data) -> None:
    target = tmp_path / "new.yaml"
    target.write_text("mine", encoding="utf-8")
    for arguments in (
        ("--data", data, "-o", target),
        ("--data", data),
        ("-r", "rankzephyr", "--data", data, "--dry-run"),
    ):
        with pytest.raises(ConfigError):
            run(*arguments)
    with pytest.raises(InputError):
        run("--data", tmp_path / "none", "--dry-run")
    assert target.read_text(encoding="utf-8") == "mine"
    assert "Nothing is written" in run("-r", "bm25", "--data", data, "--dry-run")
