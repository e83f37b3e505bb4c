"""A config file is read strictly: bounded in size and depth, every key once, and errors quote nothing but keys."""

import json
import time

import pytest
import yaml

from swaprank import ConfigError, Reranker
from swaprank.config import files
from swaprank.config.load import load

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "a: &a {x: 1, y: 2}\n" + "".join(
    f"{name}: &{name} {{<<: [{', '.join([f'*{before}'] * 10)}]}}\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def refused(folder, name: str, content: str | bytes) -> str:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    started = time.monotonic()
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert time.monotonic() - started < 20  # the worst took a minute, and gigabytes
    return str(caught.value)


@pytest.mark.parametrize("content", [LAUGHS, MERGES, "text: &a " + "x" * 9999 + "\nof: [" + "*a, " * 1000 + "]"])
def test_aliases_are_not_written_out_to_be_checked(tmp_path, content) -> None:
    assert "with its aliases written out" in refused(tmp_path, "laughs.yaml", content)


def test_an_alias_may_stand_in_several_places(tmp_path) -> None:
    file = tmp_path / "shared.yaml"
    file.write_text(
        "stages:\n- {method: bm25, k1: &k 0.9}\n- &first {method: bm25, b: 0.3}\n- {<<: *first, top_n: 3, k1: *k}\n"
    )
    assert load(file)["stages"] == [
        {"method": "bm25", "k1": 0.9},
        {"method": "bm25", "b": 0.3},
        {"method": "bm25", "b": 0.3, "k1": 0.9, "top_n": 3},
    ]
    Reranker(file)


def test_an_alias_that_holds_itself_is_refused(tmp_path) -> None:
    assert "line 1 that holds itself" in refused(tmp_path, "loop.yaml", "stages: &s [*s]")
    assert "line 1 that holds itself" in refused(tmp_path, "loop.yaml", "&s {<<: *s}")
    config: dict = {"stages": []}
    config["stages"].append(config)
    with pytest.raises(ConfigError, match="levels deep, or holds itself"):
        Reranker(config)
    with pytest.raises(ConfigError, match="levels deep, or holds itself"):
        Reranker(**config)


@pytest.mark.parametrize("levels", [100, 3000, 400_000])
def test_deep_files_are_refused(tmp_path, levels) -> None:
    assert "nests more than 64 levels deep in line 1" in refused(tmp_path, "deep.json", '{"stages": ' + "[" * levels)
    assert "nests more than 64 levels deep in line 1" in refused(tmp_path, "deep.yaml", '{"stages": ' + "[" * levels)
    chain = "a0: &a0 [x]\n" + "".join(f"a{one}: &a{one} [*a{one - 1}]\n" for one in range(1, 100))
    assert "nests more than 64 levels deep" in refused(tmp_path, "chain.yaml", chain)


def test_a_deep_mapping_is_refused() -> None:
    config: dict = {"method": "bm25"}
    for _ in range(3000):
        config = {"stages": [config]}
    with pytest.raises(ConfigError, match="more than 64 levels deep"):
        Reranker(config)
    with pytest.raises(ConfigError, match="more than 64 levels deep"):
        Reranker(**config)


@pytest.mark.parametrize("content", ['{"a": "' + '\\"' * 400_000, '{"a": "' + '\\"' * 400_000 + "\\", '"' * 900_000])
def test_a_text_without_its_end_is_read_once(tmp_path, content) -> None:
    assert "does not parse" in refused(tmp_path, "quotes.json", content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("model: 1" + ":11" * 300_000, "a number of more than 400 digits in line 1"),
        ("model: 1" + ":11" * 100_000 + ".5", "a number of more than 400 digits in line 1"),
        ("model: 1" + ":1" * 195 + ".5", "does not parse: OverflowError"),
        ("model: 0x" + "f" * 500_000, "a number of more than 400 digits in line 1"),
    ],
    ids=len,
)
def test_numbers_are_bounded(tmp_path, content, message) -> None:
    assert message in refused(tmp_path, "number.yaml", content)


@pytest.mark.parametrize("config", [{"model": 1 << 20_000}, {1 << 20_000: 1}, {"model": [-1 << 20_000]}], ids=len)
def test_an_integer_that_cannot_be_printed_is_refused(config) -> None:
    with pytest.raises(ConfigError, match="an integer of 2000"):
        Reranker({"method": "cross-encoder", **config})


def test_large_files_are_refused(tmp_path) -> None:
    assert "is larger than 1048576 bytes" in refused(tmp_path, "large.yaml", "model: " + "x" * files.MOST_BYTES)


@pytest.mark.parametrize("name", ["twice.yaml", "twice.json"])
def test_a_key_that_stands_twice_is_refused_with_both_places(tmp_path, name) -> None:
    content = '{"method": "bm25",\n "backend": {"type": "embedded"},\n\n "method": "lexical"}'
    assert "has the key 'method' twice in one mapping, in lines 1 and 4" in refused(tmp_path, name, content)
    inner = '{"stages": [{"method": "bm25",\n "top_n": 1, "top_n": 2}]}'
    assert "'top_n' twice in one mapping, in lines 2 and 2" in refused(tmp_path, name, inner)
    escaped = '{"method": "bm25",\n "m\\u0065thod": "lexical"}'
    assert "'method' twice" in refused(tmp_path, name, escaped)
    (tmp_path / name).write_text('{"stages": [{"method": "bm25"}, {"method": "lexical", "strategy": {"type": "a:{"}}]}')
    assert load(tmp_path / name)["stages"][1]["strategy"] == {"type": "a:{"}


@pytest.mark.parametrize("name", ["half.yaml", "half.json"])
def test_half_a_surrogate_pair_is_refused(tmp_path, name) -> None:
    for content in ('{"method": "bm25", "language": "e\\ud800"}', '{"method": "bm25", "\\udc00": 1}'):
        message = "half a surrogate pair" if name.endswith("json") else "invalid Unicode character escape code"
        assert message in refused(tmp_path, name, content)
    with pytest.raises(ConfigError, match="half a surrogate pair"):
        Reranker(method="cross-encoder", model="folder/\ud800")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.yaml", "backend:\n  api_key: hunter2secret: x\n"),
        ("a.yaml", "backend:\n  api_key: *hunter2secret\n"),
        ("a.yaml", "backend:\n  api_key: !hunter2secret x\n"),
        ("a.yaml", "backend:\n  api_key: %hunter2secret\n"),
        ("a.yaml", "backend:\n  api_key: @hunter2secret\n"),
        ("a.yaml", "backend:\n  api_key: !!int hunter2secret\n"),
        ("a.yaml", "backend:\n  api_key: 'hunter2secret\n"),
        ("a.yaml", b"backend:\n  api_key: hunter2secret\xff\n"),
        ("a.yaml", "backend:\n  api_key: hunter2secret\x00\n"),
        ("a.json", '{"api_key": "hunter2secret}'),
        ("a.json", '{"api_key": hunter2secret}'),
        ("a.json", '{"api_key": "hunter2secret"} x'),
        ("a.json", '{"api_key": ' + "7" * 5000 + "}"),
        ("a.yaml", "api_key: " + "7" * 5000),
        ("a.yaml", "date: 2026-13-45"),
    ],
)
def test_a_file_that_does_not_parse_is_not_quoted(tmp_path, name, content) -> None:
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError, match=r"does not parse|not text in UTF-8|400 digits") as caught:
        Reranker(file)
    errors = [caught.value]
    while errors[-1].__cause__ or errors[-1].__context__:
        errors.append(errors[-1].__cause__ or errors[-1].__context__)
    assert "hunter2" not in " ".join(map(str, errors))


def test_what_yaml_and_json_hold_is_read_as_their_parsers_read_it(tmp_path) -> None:
    config = {"method": "bm25", "k1": 0.9, "collection": ["Grüße", "a\tb", "شاي"], "top_n": None, "stemmer": True}
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(config), encoding="utf-8-sig")
    (tmp_path / "a.json").write_text(json.dumps(config, indent="\t"))
    assert load(tmp_path / "a.yaml") == load(tmp_path / "a.json") == config
    (tmp_path / "a.yaml").write_text("method: bm25\n---\nmethod: lexical")
    with pytest.raises(ConfigError, match=r"expected a single document.*line 2"):
        load(tmp_path / "a.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load("no\0file.yaml")
