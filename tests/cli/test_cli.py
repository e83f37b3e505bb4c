"""The command line: rerank with resume, recipes, config, eval, demo, exit codes."""

import csv
import json
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest
from typer.testing import CliRunner

from swaprank.cli import demo

SAMPLE = resources.files("swaprank") / "sample"


def swaprank(*arguments, given: str = "", check: int = 0, before: str = "") -> subprocess.CompletedProcess:
    """The command in a process of its own, as a user runs it."""
    code = f"{before}; from swaprank.cli import main; main()".lstrip("; ")
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=120)
    assert done.returncode == check, done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    return done


def job(number: int) -> str:
    passages = ["coffee", {"text": f"green tea {number}", "id": f"p{number}", "metadata": {"a": 1}}]
    return json.dumps({"query": f"green tea {number}", "passages": passages, "note": number}) + "\n"


def lines(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def files(tmp_path):
    (tmp_path / "in.jsonl").write_text("".join(job(number) for number in range(1, 8)))
    return tmp_path / "in.jsonl", tmp_path / "out.jsonl"


def test_the_console_script_is_installed_and_reports_its_version() -> None:
    script = shutil.which("swaprank", path=str(Path(sys.executable).parent))
    assert script
    out = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert out.stdout.strip()[0].isdigit()


def test_rerank_streams_through_pipes() -> None:
    out = swaprank("rerank", "-r", "bm25", "--top-n", 1, given=job(1) + "\n" + job(2))
    first, second = map(json.loads, out.stdout.splitlines())
    assert first["ranking"] == [{"index": 1, "id": "p1", "score": first["ranking"][0]["score"], "rank": 1}]
    assert (first["line"], first["note"], first["score_kind"], first["failures"]) == (1, 1, "bm25", [])
    assert second["line"] == 3


@pytest.mark.parametrize("kept", [0, 3, 6])
def test_rerank_goes_on_where_it_stopped(files, kept) -> None:
    source, target = files
    swaprank("rerank", "-r", "bm25", "-i", source, "-o", target, "--batch-size", 2)
    whole = target.read_text()
    target.write_text("".join(whole.splitlines(keepends=True)[:kept]) + '{"line": 99, "half-writ')
    swaprank("rerank", "-r", "bm25", "-i", source, "-o", target, "--batch-size", 2)
    assert target.read_text() == whole


def test_a_finished_file_is_left_alone_unless_overwritten(files) -> None:
    source, target = files
    swaprank("rerank", "-r", "bm25", "-i", source, "-o", target)
    whole = target.read_text()
    swaprank("rerank", "-r", "bm25", "-i", source, "-o", target)
    assert target.read_text() == whole
    swaprank("rerank", "-r", "bm25", "-i", source, "-o", target, "--overwrite", "--top-n", 1)
    assert [len(line["ranking"]) for line in lines(target)] == [1] * 7


def test_a_run_that_breaks_keeps_what_it_did(files) -> None:
    source, target = files
    good = source.read_text().splitlines(keepends=True)
    source.write_text("".join([*good[:3], "{broken\n", *good[4:]]))
    out = swaprank("rerank", "-r", "bm25", "-i", source, "-o", target, "--batch-size", 1, check=2)
    assert "Line 4 is no JSON" in out.stderr
    assert [line["line"] for line in lines(target)] == [1, 2, 3]
    swaprank("rerank", "-r", "bm25", "-i", source, "-o", target, "--on-bad-line", "skip")
    assert [line["line"] for line in lines(target)] == [1, 2, 3, 5, 6, 7]


def test_a_foreign_output_file_is_not_touched(files) -> None:
    source, target = files
    target.write_text('{"precious": true}\n')
    out = swaprank("rerank", "-i", source, "-o", target, check=2)
    assert "did not write" in out.stderr
    assert target.read_text() == '{"precious": true}\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"passages": []}', "Line 1 has no query"),
        ('{"query": "q", "passages": "x"}', "Line 1 has no list of passages"),
        ('{"query": "q", "passages": [3]}', "Line 1, passage 0 is '3'"),
        ('{"query": "q", "passages": [{"text": "a", "socre": 1}]}', "passage 0"),
    ],
)
def test_bad_lines_are_named(text, message) -> None:
    assert message in swaprank("rerank", given=text, check=2).stderr


def test_recipes() -> None:
    assert "ara-reranker-v1" in swaprank("recipes").stdout
    assert "Omartificial-Intelligence-Space/ARA-Reranker-V1" in swaprank("recipes", "ara-reranker-v1").stdout
    assert json.loads(swaprank("recipes", "--json").stdout)["embedded"]["config"]["fusion"] == "evidence"
    assert "Did you mean 'embedded'" in swaprank("recipes", "embeded", check=2).stderr


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
    [first, _] = json.loads(again.stdout)
    expected = sum(float(row["nDCG@10"]) for row in rows if row["reranker"] == "embedded") / 20
    assert first["measures"]["nDCG@10"] == pytest.approx(expected)


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
    from swaprank.cli.app import app

    for command in ([], ["rerank"], ["eval"]):
        shown = CliRunner().invoke(app, [*command, "--help"])
        assert shown.exit_code == 0
        assert "Exit codes" in shown.stdout


def test_the_demo_shows_both_frameworks() -> None:
    out = swaprank("demo").stdout
    assert all(word in out for word in ("in LlamaIndex", "in LangChain", "English", "Arabic", "nDCG@10", "(+0."))


def test_both_frameworks_rank_the_sample_alike() -> None:
    data = demo.sample("ar")
    assert demo.in_llamaindex(data, None) == demo.in_langchain(data, None)
