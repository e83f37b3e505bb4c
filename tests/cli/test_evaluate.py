"""`swaprank eval` as it is typed: data without runs, failures as rows, going on, one versioned result."""

import json
import signal
import subprocess
import sys
import time

import pytest

from swaprank.evaluation.result import Evaluation
from tests.cli.helpers import swaprank
from tests.cli.test_cli import SAMPLE


@pytest.fixture
def folder(tmp_path):
    """The bundled English sample, without its run and with its judgements under another name."""
    data = tmp_path / "data"
    (data / "qrels").mkdir(parents=True)
    for name in ("corpus.jsonl", "queries.jsonl"):
        (data / name).write_bytes((SAMPLE / "en" / name).read_bytes())
    (data / "qrels" / "dev.tsv").write_bytes((SAMPLE / "en" / "qrels" / "test.tsv").read_bytes())
    return data


def test_a_plain_folder_is_searched_and_everything_is_kept(folder, tmp_path) -> None:
    runs = tmp_path / "runs"
    run = ("eval", "--data", folder, "--split", "dev", "-r", "lexical", "--runs", runs, "--texts")
    shown = swaprank(*run).stdout
    assert "data (dev): 20 queries" in shown
    assert "BM25 of the collection" in shown
    assert "Holm-corrected" in shown
    assert {one.name for one in runs.iterdir()} == {
        *("first-stage.trec", "lexical.trec", "lexical.queries.jsonl", "evaluation.json")
    }
    kept = Evaluation.load(runs / "evaluation.json")
    assert kept.passages[kept.rows[1].queries[next(iter(kept.questions))].ranking[0]].text
    # The second time nothing is measured, so that even the times are the same.
    assert Evaluation.model_validate_json(swaprank(*run, "--json").stdout) == kept


def test_two_configs_of_one_name_and_one_that_fails(folder, tmp_path) -> None:
    configs = []
    for place, k1 in enumerate((0.5, 2.0)):
        configs.append(tmp_path / str(place) / "mine.json")
        configs[-1].parent.mkdir()
        configs[-1].write_text(json.dumps({"method": "bm25", "k1": k1}))
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps({"method": "cross-encoder", "model": str(tmp_path)}))
    done = swaprank(
        *("eval", "--data", folder, "--limit", "5", "-c", configs[0], "-c", broken, "-c", configs[1], "--json"), check=1
    )
    first, one, failed, other = json.loads(done.stdout)["rows"]
    assert [one["name"], other["name"]] == ["mine (k1: 0.5)", "mine (k1: 2.0)"]
    assert len(first["queries"]) == 5
    assert failed["error"]
    assert failed["measures"] == {}
    assert other["measures"]
    assert "broken: " in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_an_interrupted_evaluation_goes_on(folder, tmp_path) -> None:
    # What runs in a shell's background ignores the signal.
    slow = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    slow += "import swaprank.evaluation.comparing as c, time; t = c._timed; "
    slow += "c._timed = lambda *a: (time.sleep(1), t(*a))[1]; from swaprank.cli import main; main()"
    run = ["eval", "--data", str(folder), "-r", "lexical", "--runs", str(tmp_path / "runs")]
    process = subprocess.Popen([sys.executable, "-c", slow, *run], stderr=subprocess.PIPE, text=True)
    log = tmp_path / "runs" / "lexical.queries.jsonl"
    while not (log.exists() and log.stat().st_size):
        time.sleep(0.05)
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "the same command goes on where it stopped" in told
    before = len(log.read_text().splitlines())
    assert 0 < before < 20
    swaprank(*run)
    assert len(log.read_text().splitlines()) == 20
