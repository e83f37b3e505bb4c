"""Whatever a newcomer gives wrongly is one line with the value and the way out, exit code 2, and is told before the work."""

import os
import socket
import subprocess
import sys

import pytest

from tests.cli.helpers import swaprank
from tests.cli.test_cli import SAMPLE
from tests.cli.test_rerank import job

DATA = ("--data", SAMPLE / "en", "-r", "bm25")
NO_WORK = (
    "import swaprank\n"
    "def work(*_, **__): raise AssertionError('the work began')\n"
    "swaprank.Reranker.rerank = swaprank.Reranker.rerank_many = work"
)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("eval", *DATA, "--runs", "file"), "The folder of --runs, 'file', cannot be made: File exists."),
        (("eval", *DATA, "--subset", "ar"), "has no subset 'ar'"),
        (("eval", *DATA, "--run-name", "nope"), "There are: overlap."),
        (("eval", *DATA, "-c", "folder"), "is a directory"),
        (("tune", *DATA, "-o", "no/such.yaml"), "'no/such.yaml' cannot be written"),
        (("calibrate", *DATA, "-o", "no/such.yaml"), "'no/such.yaml' cannot be written"),
        (("compare", "file", "--html", "folder"), "'folder' cannot be written: Is a directory."),
        (("compare", "file"), "is no result of swaprank eval (version 1): Invalid JSON"),
        (("config", "check", "folder"), "is a directory"),
        (("rerank", "-c", "folder"), "is a directory"),
        (
            ("serve", "-r", "bm25", "--key-file", "none"),
            "'none' cannot be read: No such file or directory. Give a text",
        ),
        (("download", ""), "No recipe is named ''."),
        (("download", "a/b/c"), "'a/b/c' is no hub id"),
    ],
    ids=str,
)
def test_it_is_told_before_the_work(command, told, tmp_path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    paths = os.pathsep.join(map(os.path.abspath, filter(None, sys.path)))
    shown = swaprank(*command, before=NO_WORK, check=2, cwd=tmp_path, env={**os.environ, "PYTHONPATH": paths})
    assert told in " ".join(shown.stderr.split())
    assert shown.stdout == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.parametrize(
    "command", [("recipes",), ("methods",), ("config", "schema"), ("recommend",), ("rerank", "-r", "bm25")], ids=str
)
def test_a_reader_that_hangs_up_is_no_error_of_ours(command) -> None:
    code = "from swaprank.cli import main; main()"
    shell = f'"$@" | {sys.executable} -c "import sys; sys.stdin.readline()"'
    arguments = ["sh", "-c", shell, "sh", sys.executable, "-c", code, *command]
    given = "".join(job(number) for number in range(3_000)) if command[0] == "rerank" else ""
    done = subprocess.run(arguments, input=given, capture_output=True, text=True, timeout=120)
    assert done.stderr == ""


@pytest.mark.parametrize("workers", [1, 2])
def test_a_port_in_use_is_told_with_the_option_for_another(workers) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        shown = swaprank("serve", "-r", "bm25", "--port", port, "--workers", workers, check=1)
    last = shown.stderr.splitlines()[-1]
    assert (
        last == f"Error: Nothing is served at 127.0.0.1:{port}, for the reason above. Another port is taken by --port."
    )


def test_the_module_is_the_command() -> None:
    shown = subprocess.run([sys.executable, "-m", "swaprank", "nope"], capture_output=True, text=True, timeout=120)
    assert shown.returncode == 2
    assert shown.stderr.startswith("Usage: swaprank ")


def test_a_narrow_terminal_loses_no_name_and_no_figure() -> None:
    narrow = {**os.environ, "COLUMNS": "60"}
    shown = swaprank("eval", *DATA, "--limit", "3", env=narrow).stdout
    quality = shown.partition("p50")[0]
    assert quality.count(".") > 8 and "R@100" in quality and quality.count("+") == 4
    shown = swaprank("payoff", *DATA, "--limit", "3", "--search-ms", "5", env=narrow).stdout
    assert shown.count("bm25") == 2  # one row per depth that the data has
    assert shown.count("unclear") == 3
    shown = swaprank("recommend", "--language", "ar", "--budget-ms", "9999", env=narrow).stdout
    assert "embedded" in shown and "multilingual" in shown
    assert "…" not in shown


def test_tables_have_no_escapes_without_a_terminal_and_with_no_color() -> None:
    for command in (("recipes", "--language", "ja"), ("eval", *DATA, "--limit", "3", "--measures", "nDCG@10")):
        shown = swaprank(*command, env={**os.environ, "NO_COLOR": "1", "COLUMNS": "60"})
        assert "\x1b" not in shown.stdout + shown.stderr
        assert shown.stderr == ""
