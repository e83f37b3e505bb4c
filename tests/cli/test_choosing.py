"""`swaprank recommend` and `swaprank tune` as they are typed."""

import json

import yaml

from swaprank import Reranker
from tests.cli.helpers import swaprank
from tests.cli.test_cli import SAMPLE


def test_recommend() -> None:
    need = ("recommend", "--language", "ar", "--device", "cpu", "--budget-ms", "200", "--commercial")
    assert "embedded" in swaprank(*need).stdout
    found = json.loads(swaprank(*need, "--json").stdout)
    assert found[0]["recipe"] == "embedded"
    assert found[0]["milliseconds"] <= 200
    assert "The fastest that fits otherwise is 'embedded'" in swaprank(*need[:5], "--budget-ms", "1", check=2).stderr
    slower = (*need[:5], "--budget-ms", "9000", "-n", "30")
    assert "~: measured with random weights" in swaprank(*slower).stdout
    known = {one["recipe"]: one["by_shape"] for one in json.loads(swaprank(*slower, "--json").stdout)}
    assert (known["bge-reranker-v2-m3"], known["embedded"]) == (True, False)
    assert "have not been measured" in swaprank("recommend", "--device", "cuda", "--budget-ms", "9", check=2).stderr


def test_tune_prints_a_config_that_builds(tmp_path) -> None:
    data = ("tune", "--data", SAMPLE / "en", "-r", "bm25", "-r", "lexical", "--folds", "4")
    done = swaprank(*data)
    assert "nDCG@10 on held-out queries" in done.stdout
    assert "4 folds of 20 queries" in done.stdout
    Reranker(yaml.safe_load(done.stdout))
    target = tmp_path / "best.yaml"
    swaprank(*data, "--output", target)
    assert yaml.safe_load(target.read_text()) == yaml.safe_load(done.stdout)
    assert "exists" in swaprank(*data, "--output", target, check=2).stderr


def test_payoff() -> None:
    data = ("payoff", "--data", SAMPLE / "en", "-r", "embedded", "--depths", "5,20")
    shown = swaprank(*data, "--search-ms", "2").stdout
    assert "20 queries, runs/overlap.trec, nDCG@10 0.8509 before" in shown
    assert shown.count("embedded") == 2
    found = json.loads(swaprank(*data, "--json").stdout)
    assert [one["depth"] for one in found] == [5, 20]
    assert found[1]["share"] > found[0]["share"] > 0
    assert "None of the rerankers takes an instruction" in swaprank(*data, "--instruction", "x", check=2).stderr
    assert "--depths is '5,x'" in swaprank(*data[:5], "--depths", "5,x", check=2).stderr
