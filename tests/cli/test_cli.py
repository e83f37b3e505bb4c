"""The command line: recipes, config, eval, demo, exit codes; `rerank` has files of its own."""

import csv
import json
import os
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from swaprank.cli import demo
from swaprank.cli.app import app
from tests.cli.helpers import swaprank
from tests.cli.test_rerank import job

SAMPLE = resources.files("swaprank") / "sample"


def test_the_console_script_is_installed_and_reports_its_version() -> None:
    script = shutil.which("swaprank", path=str(Path(sys.executable).parent))
    assert script
    out = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert out.stdout.strip()[0].isdigit()


def test_recipes() -> None:
    assert "ara-reranker-v1" in swaprank("recipes").stdout
    assert "Omartificial-Intelligence-Space/ARA-Reranker-V1" in swaprank("recipes", "ara-reranker-v1").stdout
    assert json.loads(swaprank("recipes", "--json").stdout)["embedded"]["config"]["fusion"] == "evidence"
    for given, told in (
        ("embeded", "Did you mean 'embedded'"),
        ("nope", "No recipe is named 'nope'. See all with: swaprank recipes"),
        ("bm2", "Did you mean 'bm25'"),
        ("bm25", "It is a method: swaprank methods bm25"),
        ("BAAI/bge-reranker-v2-m3", "It is the model of 'bge-reranker-v2-m3'"),
    ):
        assert told in swaprank("recipes", given, check=2).stderr


def test_config_check_and_schema(tmp_path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("reranker: ms-marco-minilm-l6\ntop_n: 3\n")
    bad.write_text("method: bm25\ntop_k: 3\n")
    out = swaprank("config", "check", good)
    assert "ok" in out.stdout
    assert "cross-encoder/ms-marco-MiniLM-L6-v2" in out.stdout
    out = swaprank("config", "check", good, bad, check=2)
    assert "Did you mean 'top_n'" in out.stderr
    assert json.loads(swaprank("config", "schema").stdout)["$defs"]


def test_config_check_spells_out_the_recipes_of_a_decomposition(tmp_path) -> None:
    file = tmp_path / "split.yaml"
    file.write_text("decomposition: original\nmodel: m\nrerank: ms-marco-minilm-l6\nsearch: {reranker: e5-base-v2}\n")
    shown = swaprank("config", "check", file).stdout
    assert "cross-encoder/ms-marco-MiniLM-L6-v2" in shown
    assert "intfloat/e5-base-v2" in shown


def test_eval_on_a_folder_and_on_files(tmp_path) -> None:
    folder = SAMPLE / "en"
    per_query, run = tmp_path / "q.csv", tmp_path / "out.trec"
    out = swaprank(
        *("eval", "--data", folder, "--run-name", "overlap", "-r", "bm25", "-r", "embedded"),
        *("--per-query", per_query, "--output-run", run, "--measures", "nDCG@10,RR@10"),
    )
    assert all(word in out.stdout for word in ("first stage", "bm25", "embedded", "nDCG@10", "20 queries"))
    rows = list(csv.DictReader(per_query.open()))
    assert len(rows) == 3 * 20
    again = swaprank(
        *("eval", "--json", "--run", run, "--qrels", folder / "qrels" / "test.tsv", "-r", "bm25"),
        *("--corpus", folder / "corpus.jsonl", "--queries", folder / "queries.jsonl", "--measures", "nDCG@10"),
    )
    first = json.loads(again.stdout)["rows"][0]
    expected = sum(float(row["nDCG@10"]) for row in rows if row["reranker"] == "embedded") / 20
    assert first["measures"]["nDCG@10"] == pytest.approx(expected)


def test_eval_fails_before_the_work_and_keeps_what_files_hold(tmp_path) -> None:
    per_query = tmp_path / "q.csv"
    per_query.write_text("precious")
    data = ("eval", "--data", SAMPLE / "en", "--run-name", "overlap", "-r", "bm25", "--per-query", per_query)
    assert "cannot be written" in swaprank(*data, "--output-run", tmp_path, check=2).stderr
    assert "'nDCG@0'" in swaprank(*data, "--measures", "nDCG@0", check=2).stderr
    assert per_query.read_text() == "precious"


def test_names_are_shown_as_they_are(tmp_path) -> None:
    """Rich would take brackets for markup, and a terminal may lack the letters."""
    folder = tmp_path / "[bold]é"
    shutil.copytree(SAMPLE / "en", folder)
    run = ("eval", "--data", folder, "--run-name", "overlap", "-r", "bm25")
    assert swaprank(*run, env={**os.environ, "PYTHONIOENCODING": "ascii"}).stdout.startswith(
        "[bold]? (test): 20 queries"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "is not text in UTF-8"),
        (b"", "is empty"),
        (b"# reranker: bm25", "is empty"),
        (b"reranker:\n\tbm25", "cannot start any token, line 2"),
        (b"- a", "holds a list"),
        (b"reranker: [bm25", "does not parse"),
        (b"reranker: 2026-13-45", "does not parse"),
        (b"[" * 100_000, "64 levels deep"),
        (b"&a {reranker: *a}", "holds itself"),
        (b"? [a]\n: b", "does not parse"),
        (b"2026-01-01: b", "has none of the keys"),
        (b"1: b", "has no"),
        (b"reranker: bm25\n1: b", "has no option 1"),
        (b"reranker: bm25\ntop_n: [1]", "top_n"),
        (b"reranker: bm25\nbackend: {type: [embedded]}", "backend"),
        (b"stages: 7", "stages: Input should be a valid array (got 7)"),
    ],
)
def test_a_wrong_config_file_gives_one_line(tmp_path, content, message) -> None:
    file = tmp_path / "bad.yaml"
    if content is not None:
        file.write_bytes(content)
    shown = CliRunner().invoke(app, ["config", "check", str(file)])
    assert shown.exit_code == 2
    assert message in shown.stderr
    assert shown.stderr.count("\n") == 1


@pytest.mark.parametrize("columns", ["80", "60"])
def test_the_list_of_commands_cuts_no_summary(columns, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    shown = CliRunner().invoke(app, ["--help"]).stdout
    assert "..." not in shown.partition("Commands:")[2]
    for name, command in typer.main.get_command(app).commands.items():
        assert len(command.short_help) <= 66, name
        assert command.short_help.endswith("."), name
        assert command.short_help in " ".join(command.help.split()), name


def test_usage_errors_have_exit_code_2() -> None:
    assert "Give --data" in swaprank("eval", check=2).stderr
    assert "Give one" in swaprank("rerank", "-r", "bm25", "-c", "x.yaml", check=2).stderr
    swaprank("no-such-command", check=2)


@pytest.mark.torch
def test_failing_work_has_exit_code_1() -> None:
    pytest.importorskip("sentence_transformers")
    out = swaprank("rerank", "-r", "ms-marco-minilm-l6", given=job(1), check=1)
    assert "cannot be loaded" in out.stderr


def test_without_its_extra_the_command_says_what_to_install() -> None:
    out = swaprank(before="import sys; sys.modules['typer'] = None", check=2)
    assert 'pip install "swaprank[cli]"' in out.stderr


def test_the_help_tells_the_exit_codes() -> None:
    for command in ([], ["rerank"], ["eval"]):
        shown = CliRunner().invoke(app, [*command, "--help"])
        assert shown.exit_code == 0
        assert "Exit codes" in shown.stdout


def test_the_demo_shows_both_frameworks() -> None:
    out = swaprank("demo").stdout
    assert all(word in out for word in ("in LlamaIndex", "in LangChain", "English", "Arabic", "nDCG@10", "(+0."))


def test_the_demo_takes_a_reranker_that_keeps_little_and_shows_no_secrets(tmp_path) -> None:
    dear = "{method: cross-encoder, model: m, backend: {token: hf_secret}}"
    (tmp_path / "r.yaml").write_text(f"reranker: bm25\ntop_n: 1\non_error: {{fallback: {dear}}}\n")
    shown = CliRunner().invoke(app, ["demo", "--config", str(tmp_path / "r.yaml")])
    assert shown.exit_code == 0, shown.output
    assert "'top_n': 1" in shown.stdout
    assert "hf_secret" not in shown.stdout


def test_both_frameworks_rank_the_sample_alike() -> None:
    data = demo.sample("ar")
    assert demo.in_llamaindex(data, None) == demo.in_langchain(data, None)


def test_recipes_are_chosen_by_language_size_licence_and_method() -> None:
    def listed(*options):
        return json.loads(swaprank("recipes", "--json", *options).stdout)

    small = listed("--language", "ar", "--max-size", "600M", "--commercial")
    assert {"embedded", "multilingual-e5-small"} <= set(small)
    assert not {"bge-reranker-v2-gemma", "ms-marco-minilm-l6", "jina-reranker-v2", "qwen3-reranker-4b"} & set(small)
    assert {one["config"]["method"] for one in listed("--method", "monot5").values()} == {"monot5"}
    assert listed("--language", "sw") == listed("--language", "multilingual")
    assert listed("--language", "AR-eg").keys() == listed("--language", "ar").keys()
    for command in ("recipes", "recommend"):
        assert "There is no language 'xx'" in swaprank(command, "--language", "xx", check=2).stderr
        assert "Did you mean ar?" in swaprank(command, "--language", "Arabic", check=2).stderr
    assert "Write 600M or 4B" in swaprank("recipes", "--max-size", "small", check=2).stderr
    assert "no method 'monot6'" in swaprank("recipes", "--method", "monot6", check=2).stderr


def test_lists_fit_80_columns() -> None:
    for command in ("recipes", "methods"):
        lines = swaprank(command, env={**os.environ, "COLUMNS": "80"}).stdout.splitlines()
        assert len(lines) > 60
        assert max(map(len, lines)) <= 80


def test_methods() -> None:
    pointwise = json.loads(swaprank("methods", "--family", "pointwise", "--json").stdout)
    assert "monot5" in pointwise and "bm25" not in pointwise
    assert "\nAttributes:\n" in swaprank("methods", "bi-encoder").stdout
    assert "There is no family 'x'" in swaprank("methods", "--family", "x", check=2).stderr


def test_the_schema_is_small_enough_for_an_editor() -> None:
    assert len(swaprank("config", "schema").stdout) < 200_000


@pytest.mark.parametrize(("missing", "left"), [("llama_index", "LangChain"), ("langchain_core", "LlamaIndex")])
def test_the_demo_needs_one_framework_only(missing, left) -> None:
    hidden = f"import importlib.util as u; found = u.find_spec; u.find_spec = lambda n, *a: None if n == {missing!r} else found(n, *a)"
    shown = swaprank("demo", before=hidden).stdout
    assert f"in {left}" in shown
    assert shown.count("in Lla") + shown.count("in Lang") == 1
    assert "Next: swaprank demo" in shown
