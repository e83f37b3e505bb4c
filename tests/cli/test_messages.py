"""Nothing that a file or a server says steers the terminal."""

import logging

import pytest

from swaprank.cli.messages import complain
from swaprank.masking import printable
from tests.cli.helpers import swaprank

STEERING = ["\x1b[31m", "\x9b31m", "\x07", "\x7f", "\u202e", "\u2066", "\u200f", "\u2028", "\r", "\ud800"]


@pytest.mark.parametrize("steering", STEERING, ids=ascii)
def test_control_characters_are_escaped(steering, capsys) -> None:
    assert printable(f"a{steering}b").isascii()
    complain(f"The server said {steering}!", about=f"file{steering}")
    assert steering not in capsys.readouterr().err


def test_letters_of_all_scripts_stay() -> None:
    for text in ("Grüße", "شاي أخضر", "می\u200cخواهم", "👩\u200d👩", "茶", "[bold]"):
        assert printable(text) == text


def test_errors_and_warnings_of_the_command_are_escaped(tmp_path) -> None:
    line = '{"query": "\\u001b[31mred\\u202e", "passages": 3}\n{"query": "q", "passages": ["a", "\\u001b]0;title"], "line": 1}'
    for options, code in ((["--on-bad-line", "fail"], 2), (["--on-bad-line", "skip"], 0)):
        error = swaprank("rerank", "-r", "bm25", *options, given='"\x1b[31m\u202e"\n' + line, check=code).stderr
        assert error
        assert not {"\x1b", "\u202e"} & set(error)
    (tmp_path / "bad\x1b[31m.yaml").write_text('"\\e[31mkey\\u202E": 1')
    shown = swaprank("config", "check", tmp_path / "bad\x1b[31m.yaml", check=2)
    assert not {"\x1b", "\u202e"} & set(shown.stdout + shown.stderr)
    (tmp_path / "good\x1b[31m.yaml").write_text('method: cross-encoder\nmodel: "m\\e[31m\u202e"')
    shown = swaprank("config", "check", tmp_path / "good\x1b[31m.yaml")
    assert not {"\x1b", "\u202e"} & set(shown.stdout + shown.stderr)


def test_the_log_is_left_to_others_unless_the_command_runs() -> None:
    assert not logging.getLogger("swaprank").handlers
