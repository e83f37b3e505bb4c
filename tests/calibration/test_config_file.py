"""A map goes into a config file without touching another line, or not at all."""

import json
import stat

import pytest
import yaml

from swaprank.calibration.config_file import of_config, replace_file, with_map
from swaprank.errors import ConfigError, InputError

MAP = {"type": "logistic", "slope": 2.5e-07, "intercept": -3.0}
LINE = "relevance: {type: logistic, slope: 2.5e-07, intercept: -3.0}\n"
OLD = "relevance:\n  type: isotonic\n  # why\n  points:\n  - [0, 0.1]\n\n  - [1, 0.9]\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("reranker: bm25  # lexical\n", "reranker: bm25  # lexical\n" + LINE),
        ("reranker: bm25", "reranker: bm25\n" + LINE),
        ("a: 1\r\n", "a: 1\r\n" + LINE.replace("\n", "\r\n")),
        ("relevance: null\n# end\nreranker: bm25\n", LINE + "# end\nreranker: bm25\n"),
        (OLD + "\n# top\nreranker: bm25\n", LINE + "\n# top\nreranker: bm25\n"),
        ("reranker: bm25\n" + OLD, "reranker: bm25\n" + LINE),
        ('"relevance": {type: range,\n  low: 0, high: 1\n}\nreranker: bm25\n', LINE + "reranker: bm25\n"),
        ("of:\n- relevance: 1\nx: 2\n", "of:\n- relevance: 1\nx: 2\n" + LINE),
    ],
)
def test_yaml_keeps_all_other_lines(tmp_path, before, after) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(before.encode())
    changed = with_map(path, MAP)
    assert changed.replace("\r\n", "\n") == after.replace("\r\n", "\n")
    assert yaml.safe_load(changed)["relevance"] == {**MAP, "slope": pytest.approx(2.5e-07)}


@pytest.mark.parametrize("text", ["{reranker: bm25}\n", "--- \nreranker: bm25\n...\n", 'text: "a\nrelevance: b"\n'])
def test_files_that_take_no_line_are_refused(tmp_path, text) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError):
        with_map(path, MAP)
    assert path.read_text(encoding="utf-8") == text


def test_json_and_new_files(tmp_path) -> None:
    path = tmp_path / "c.json"
    path.write_text('{"reranker": "bm25", "relevance": null, "top_n": 3}', encoding="utf-8")
    assert json.loads(with_map(path, MAP)) == {"reranker": "bm25", "relevance": MAP, "top_n": 3}
    assert json.loads(of_config({"reranker": "bm25"}, MAP, as_json=True)) == {"reranker": "bm25", "relevance": MAP}
    assert yaml.safe_load(of_config({"reranker": "bm25"}, MAP, as_json=False))["relevance"]["intercept"] == -3.0


def test_a_file_is_replaced_whole_and_keeps_its_rights(tmp_path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o640)
    replace_file(path, "new")
    assert path.read_text(encoding="utf-8") == "new" and stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]
    link = tmp_path / "link.yaml"
    link.symlink_to(path)
    replace_file(link, "newer")
    assert link.is_symlink() and path.read_text(encoding="utf-8") == "newer"


def test_a_folder_that_is_not_there_is_an_error_of_the_tree(tmp_path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        replace_file(tmp_path / "none" / "c.yaml", "text")
