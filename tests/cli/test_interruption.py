"""Ctrl-C ends with one line that says what was written and how to go on, and with exit code 130."""

import json
import os
import signal
import subprocess
import sys

import pytest
import typer

from swaprank.cli.interruption import interruptible
from tests.cli.helpers import swaprank
from tests.cli.test_cli import SAMPLE
from tests.cli.test_rerank import job

# A shell that starts the tests in the background may have them ignore Ctrl-C.
MAIN = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\nfrom swaprank.cli import main; main()"


def interrupted(*arguments, lines: int) -> str:
    """What `rerank` says when Ctrl-C comes after so many lines, while it waits for more."""
    command = [sys.executable, "-c", MAIN, "rerank", "-r", "bm25", "--batch-size", "1", *map(str, arguments)]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    buffered = {
        key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"
    }  # a line counts, then shows
    with subprocess.Popen(command, **pipes, text=True, env=buffered) as process:
        for number in range(lines):
            process.stdin.write(job(number))
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["note"] == number
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error.count("\n") == 1
    return error


def test_an_interrupted_rerank_says_what_it_wrote() -> None:
    assert "2 lines are on standard output; with --output FILE" in interrupted(lines=2)


def test_the_lines_of_an_interrupted_file_are_counted_and_gone_on_with(tmp_path, monkeypatch) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("".join(job(number) for number in range(5)))
    stop = (
        "import swaprank; whole = swaprank.Reranker.rerank_many; asked = []\n"
        "def rerank_many(self, *given):\n"
        "    asked.append(1)\n"
        "    if len(asked) == 3: raise KeyboardInterrupt\n"
        "    return whole(self, *given)\n"
        "swaprank.Reranker.rerank_many = rerank_many"
    )
    run = ("rerank", "-r", "bm25", "-i", source, "-o", target, "--batch-size", "1")
    for count, left in (("2 lines are", 3), ("4 lines are", 1)):
        shown = swaprank(*run, before=stop, check=130)
        assert f"Interrupted: {count} in '{target}'; the same command goes on there." in shown.stderr
        assert len(target.read_text().splitlines()) == 5 - left
    swaprank(*run)
    assert len(target.read_text().splitlines()) == 5


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("eval", "-r", "bm25"), "with --runs DIR"),
        (("payoff", "-r", "bm25"), "starts anew"),
        (("calibrate", "--dry-run"), "the config is as it was"),
    ],
)
def test_other_commands_say_what_is_left(command, told) -> None:
    stop = (
        "import swaprank\n"
        "def stop(*_, **__): raise KeyboardInterrupt\n"
        "swaprank.Reranker.rerank = swaprank.Reranker.rerank_many = stop"
    )
    shown = swaprank(*command, "--data", SAMPLE / "en", before=stop, check=130)
    assert shown.stdout == ""
    assert shown.stderr.startswith("Interrupted: ")
    assert told in shown.stderr
    assert shown.stderr.count("\n") == 1


def test_what_is_kept_is_asked_at_that_moment(capsys) -> None:
    done = 0
    with pytest.raises(typer.Exit) as stopped, interruptible(lambda: f"{done} done"):
        done = 3
        raise KeyboardInterrupt
    assert stopped.value.exit_code == 130
    assert capsys.readouterr().err == "Interrupted: 3 done.\n"


def test_an_input_without_queries_is_told() -> None:
    for given, options in (("", ()), ("\n\n", ()), ("[]\n", ("--on-bad-line", "skip"))):
        shown = swaprank("rerank", "-r", "bm25", *options, given=given)
        assert shown.stdout == ""
        assert "holds no query that can be read" in shown.stderr
