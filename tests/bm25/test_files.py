"""A damaged file of an index is a ConfigError that names the file, never another exception and never a wrong score."""

import json

import numpy as np
import pytest

from swaprank import BM25Index, ConfigError, Passage, Reranker
from swaprank.bm25.files import FILES, MANIFEST

DOCUMENTS = [Passage(f"word{number} tea", id=f"d{number}") for number in range(5)]
OPTIONAL = {"params.index.json"}  # bm25s reads it, we do not
ARRAYS = sorted(name for name in FILES if name.endswith(".npy"))


def use(path) -> None:
    """Everything that reads a file."""
    index = BM25Index.load(path)
    index.search("tea word1")
    index.scores("tea", ["word1 tea", "tea and more"])
    index.update([Passage("coffee", id="new")])


def damage(path, name, change) -> str:
    index = BM25Index.build(DOCUMENTS, path, variant="bm25+")
    file = index.version_path / name
    change(file)
    return str(file)


DAMAGES = {
    "missing": lambda file: file.unlink(),
    "empty": lambda file: file.write_bytes(b""),
    "truncated": lambda file: file.write_bytes(file.read_bytes()[:-3]),
    "text": lambda file: file.write_bytes(b"not what it should be"),
    "zip": lambda file: file.write_bytes(b"PK\x03\x04" + bytes(40)),
    "a folder": lambda file: (file.unlink(), file.mkdir()),
    "null": lambda file: file.write_text("null"),
    "nested": lambda file: file.write_text("[" * 100_000),
}


@pytest.mark.parametrize("name", sorted(FILES - OPTIONAL))
@pytest.mark.parametrize("how", DAMAGES)
def test_files_that_are_no_such_files(tmp_path, name, how) -> None:
    file = damage(tmp_path, name, DAMAGES[how])
    with pytest.raises(ConfigError, match=r"is damaged: the file .*BM25Index\.build") as raised:
        use(tmp_path)
    assert file in str(raised.value)


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize(
    "change",
    [
        lambda array: array.astype(np.float64 if array.dtype.kind == "i" else np.int16),
        lambda array: array.astype(object),
        lambda array: array[:-1],
        lambda array: array.reshape(1, -1),
        lambda array: array.astype(array.dtype.newbyteorder()),
    ],
    ids=["dtype", "objects", "short", "shape", "byte order"],
)
def test_arrays_of_another_kind(tmp_path, name, change) -> None:
    file = damage(tmp_path, name, lambda file: np.save(file, change(np.load(file))))
    with pytest.raises(ConfigError, match="is damaged") as raised:
        use(tmp_path)
    assert str(tmp_path) in str(raised.value) and file.rpartition("/")[0] in str(raised.value)


@pytest.mark.parametrize("name", ["indices.csc.index.npy", "indptr.csc.index.npy", "starts.npy", "terms.npy"])
@pytest.mark.parametrize("value", [10**6, -(10**6)])
def test_arrays_that_point_beyond_the_index(tmp_path, name, value) -> None:
    def change(file) -> None:
        array = np.load(file)
        array[1:-1] = value
        np.save(file, array)

    file = damage(tmp_path, name, change)
    with pytest.raises(ConfigError, match="is damaged") as raised:
        use(tmp_path)
    assert file in str(raised.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("ids.json", ["d0"]),
        ("ids.json", [0, 1, 2, 3, 4]),
        ("vocab.index.json", {"tea": "one"}),
        ("vocab.index.json", {"tea": 99}),
        ("vocab.index.json", {"tea": -1}),
        ("vocab.index.json", ["tea"]),
        (MANIFEST, {"format": 3}),
        (MANIFEST, {"format": 1, "analysis": {"k1": "1.5"}, "average_length": 1.0}),
        (MANIFEST, {"format": 1, "analysis": {"variant": "bm26"}, "average_length": 1.0}),
        (MANIFEST, {"format": 1, "analysis": {"stemming": True}, "average_length": 1.0}),
        (MANIFEST, {"format": 1, "analysis": None, "average_length": 1.0}),
        (MANIFEST, {"format": 1, "analysis": {}, "average_length": 0.0}),
        (MANIFEST, {"format": 1, "analysis": {}, "average_length": "long"}),
    ],
)
def test_json_that_says_something_else(tmp_path, name, content) -> None:
    file = damage(tmp_path, name, lambda file: file.write_text(json.dumps(content)))
    with pytest.raises(ConfigError, match="is damaged") as raised:
        use(tmp_path)
    assert file in str(raised.value)


@pytest.mark.parametrize(
    "content", ["", "null", "[]", "{", '{"format": 2}', '{"format": 2, "version": "../other"}', '{"format": "1"}']
)
def test_a_pointer_that_names_no_version(tmp_path, content) -> None:
    BM25Index.build(DOCUMENTS, tmp_path)
    (tmp_path / MANIFEST).write_text(content)
    for attempt in (use, lambda path: Reranker("bm25", collection=str(path)).rerank("tea", ["tea"])):
        with pytest.raises(ConfigError, match="is damaged") as raised:
            attempt(tmp_path)
        assert str(tmp_path / MANIFEST) in str(raised.value)
    assert BM25Index.build(DOCUMENTS, tmp_path).ids == ["d0", "d1", "d2", "d3", "d4"]


@pytest.mark.parametrize("name", ARRAYS)
def test_every_changed_byte_of_a_header_is_found_out_or_harmless(tmp_path, name) -> None:
    index = BM25Index.build(DOCUMENTS, tmp_path, variant="bm25+")
    expected = index.search("tea word1")
    file = index.version_path / name
    content = file.read_bytes()
    for place in range(0, 80):
        for value in (0, 40, 57, 255):
            file.write_bytes(content[:place] + bytes([value]) + content[place + 1 :])
            try:
                found = BM25Index.load(tmp_path).search("tea word1")
            except ConfigError:
                continue
            assert found == expected
