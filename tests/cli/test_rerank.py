"""``swaprank rerank``: what it writes, and how it goes on with an output file or refuses it."""

import json
import os
import stat
from pathlib import Path

import pytest

from swaprank import Image, InputError, Passage, Reranker
from swaprank.cli.rerank import OnBadLine, rerank
from swaprank.requests import LabelScores
from swaprank.runs.jsonl import RESERVED, jobs, rerank_jobs
from swaprank.testing import ScriptedBackend
from tests.cli.helpers import swaprank
from tests.conftest import GOLDEN


def job(number: int) -> str:
    passages = ["coffee", {"text": f"green tea {number}", "id": f"p{number}", "metadata": {"a": 1}}]
    return json.dumps({"query": f"green tea {number}", "passages": passages, "note": number}) + "\n"


def lines(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def done(source, target, **options) -> None:
    rerank(reranker="bm25", source=source, target=target, batch_size=2, **options)


@pytest.fixture
def files(tmp_path):
    (tmp_path / "in.jsonl").write_text("".join(job(number) for number in range(1, 8)))
    return tmp_path / "in.jsonl", tmp_path / "out.jsonl"


def test_rerank_streams_through_pipes() -> None:
    out = swaprank("rerank", "-r", "bm25", "--top-n", 1, given=job(1) + "\n" + job(2))
    first, second = map(json.loads, out.stdout.splitlines())
    assert first["ranking"] == [{"index": 1, "id": "p1", "score": first["ranking"][0]["score"], "rank": 1}]
    assert (first["line"], first["note"], first["score_kind"], first["failures"]) == (1, 1, "bm25", [])
    assert second["line"] == 3


def test_lines_have_the_relevance_of_scores_that_have_a_map() -> None:
    given = json.dumps({"query": "green tea", "passages": ["Green tea from the hills", "Lunch"]})
    [line] = map(json.loads, swaprank("rerank", given=given).stdout.splitlines())
    assert [entry["index"] for entry in line["ranking"]] == [0, 1]
    good, bad = (entry["relevance"] for entry in line["ranking"])
    assert good > 0.8 and bad < 0.2


def test_an_unfinished_file_is_gone_on_with_from_any_byte(files) -> None:
    """A half-written last line is redone; what is whole is not asked about again."""
    source, target = files
    done(source, target)
    whole = target.read_bytes()
    first = whole.index(b"\n")
    for cut in (0, 1, 9, 10, 30, whole.index(b'"ranking"') + 3, first, first + 1, first + 2, len(whole) - 1):
        target.write_bytes(whole[:cut])
        done(source, target)
        assert target.read_bytes() == whole


def test_a_finished_file_is_left_alone_unless_overwritten(files) -> None:
    source, target = files
    shown = swaprank("rerank", "-r", "bm25", "-i", source, "-o", target)
    assert shown.stderr == f"Wrote 7 lines to '{target}'.\n"
    whole = target.read_text()
    shown = swaprank("rerank", "-r", "bm25", "-i", source, "-o", target)
    assert shown.stderr == f"Wrote 0 lines to '{target}', behind the 7 that it held.\n"
    assert target.read_text() == whole
    swaprank("rerank", "-r", "bm25", "-i", source, "-o", target, "--overwrite", "--top-n", 1)
    assert [len(line["ranking"]) for line in lines(target)] == [1] * 7


def test_a_run_that_breaks_keeps_what_it_did(files) -> None:
    source, target = files
    good = source.read_text().splitlines(keepends=True)
    source.write_text("".join([*good[:3], "{broken\n", *good[4:]]))
    out = swaprank("rerank", "-r", "bm25", "-i", source, "-o", target, "--batch-size", 1, check=2)
    assert "Line 4 is not JSON" in out.stderr
    assert [line["line"] for line in lines(target)] == [1, 2, 3]
    swaprank("rerank", "-r", "bm25", "-i", source, "-o", target, "--on-bad-line", "skip")
    assert [line["line"] for line in lines(target)] == [1, 2, 3, 5, 6, 7]


def test_a_file_with_a_gap_is_gone_on_with(files) -> None:
    source, target = files
    good = source.read_text().splitlines(keepends=True)
    source.write_text("".join([*good[:3], "{broken\n", "\n", *good[3:]]))
    done(source, target, on_bad_line=OnBadLine.SKIP)
    whole = target.read_bytes()
    assert [line["line"] for line in lines(target)] == [1, 2, 3, 6, 7, 8, 9]
    for cut in (whole.index(b'{"line": 6') + 20, whole.index(b'{"line": 6'), whole.index(b'{"line": 8') + 4):
        target.write_bytes(whole[:cut])
        done(source, target, on_bad_line=OnBadLine.SKIP)
        assert target.read_bytes() == whole


@pytest.mark.parametrize(
    "foreign",
    [
        b'{"precious": true}\n',
        b'{"precious": true}',
        b'{"line": 1, "precious": true}',
        b'{"line": 1, "query": "green tea 1", "note": 2, "ranking": [',
        b'{"line": 1, "query": "green tea 1", "note": 1, "ranking": broken}\n',
        b'{"line": 1, "query": "green tea 1", "note": 1, "ranking": [{"index": 1, "id": "d7"}]}\n',
        b'{"line": 1, "query": "green tea 1", "note": 1, "ranking": [{"index": 1, "id": []}]}\n',
        b'{"line": 1\n',
        b"\n",
        b"\x89PNG\r\n\x1a\n\x00",
        b"\x00" * 100,
    ],
)
def test_a_foreign_output_file_is_refused_and_left_as_it_is(files, foreign) -> None:
    source, target = files
    target.write_bytes(foreign)
    with pytest.raises(InputError, match="was not made from this input"):
        done(source, target)
    assert target.read_bytes() == foreign
    done(source, target, overwrite=True)
    assert len(lines(target)) == 7


def test_the_output_of_another_input_is_refused_and_left_as_it_is(files, tmp_path) -> None:
    source, target = files
    done(source, target)
    whole = target.read_bytes()
    good = source.read_text().splitlines(keepends=True)
    other = tmp_path / "other.jsonl"
    for changed in (
        [*good[:3], *good[4:]],
        [good[1], good[0], *good[2:]],
        [*good[:6], good[6].replace("green", "black")],
        [*good[:6], good[6].replace('"note": 7', '"note": 8')],
        [*good[:6], good[6].replace('"id": "p7"', '"id": "p8"')],
        good[:6],
        [],
    ):
        other.write_text("".join(changed))
        with pytest.raises(InputError, match="was not made from this input"):
            done(other, target)
        assert target.read_bytes() == whole
    assert "was not made" in swaprank("rerank", "-r", "bm25", "-i", other, "-o", target, check=2).stderr


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("link", [None, os.symlink, os.link])
def test_an_input_that_is_its_own_output_loses_nothing(files, link, overwrite) -> None:
    source, target = files
    given = source.read_bytes()
    if link is None:
        target = source
    else:
        link(source, target)
    with pytest.raises(InputError, match="both input and output"):
        done(source, target, overwrite=overwrite)
    assert source.read_bytes() == given


def test_standard_input_from_the_output_file_loses_nothing(files) -> None:
    source, _ = files
    given = source.read_bytes()
    out = swaprank("rerank", "-o", source, "--overwrite", redirect=f"<'{source}'", check=2)
    assert "both input and output" in out.stderr
    assert source.read_bytes() == given


@pytest.mark.parametrize("key", RESERVED)
def test_an_input_key_that_the_output_needs_is_refused(files, key) -> None:
    source, target = files
    source.write_text(job(1) + json.dumps({**json.loads(job(2)), key: "mine"}) + "\n")
    with pytest.raises(InputError, match=f"Line 2 has the key '{key}', which the output needs. Rename it."):
        done(source, target)
    assert [line["line"] for line in lines(target)] == [1]
    done(source, target, on_bad_line=OnBadLine.SKIP)
    assert [line["line"] for line in lines(target)] == [1]


@pytest.mark.parametrize("place", ["missing/out.jsonl", "in.jsonl/out.jsonl", "folder", "locked/out.jsonl", "a" * 300])
def test_places_that_cannot_be_written_or_read_give_one_line(files, place) -> None:
    source, _ = files
    (source.parent / "folder").mkdir()
    (source.parent / "locked").mkdir(mode=stat.S_IREAD)
    if place.startswith("locked") and os.access(source.parent / "locked", os.W_OK):
        pytest.skip("this user may write everywhere")
    wrong = source.parent / place
    for ends, verb in ((["-i", source, "-o", wrong], "written"), (["-i", wrong], "read")):
        complaint = swaprank("rerank", "-r", "bm25", *ends, check=2).stderr
        assert f"cannot be {verb}" in complaint
        assert complaint.count("\n") == 1


def test_a_device_is_written_to_and_not_taken_up(files) -> None:
    source, _ = files
    done(source, Path(os.devnull))
    done(source, Path(os.devnull), overwrite=True)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_gives_one_line(files) -> None:
    source, _ = files
    complaint = swaprank("rerank", "-r", "bm25", "-i", source, "-o", "/dev/full", check=1).stderr
    assert "No space left" in complaint
    assert complaint.count("\n") == 1


def test_images_are_paths_beside_the_input_file(tmp_path) -> None:
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "1.png").write_bytes((GOLDEN / "images" / "red_circle.png").read_bytes())
    line = {
        "query": "",
        "query_images": "pages/1.png",
        "passages": [{"text": "a"}, {"images": ["pages/1.png", "pages/2.png"], "id": "p"}],
    }
    [read] = jobs([json.dumps(line).encode()], folder=tmp_path)
    whole = Image(pages / "1.png")
    assert read.query.images == (whole,)
    assert read.passages == [Passage("a"), Passage("", id="p", images=(whole, Image(pages / "2.png")))]
    (tmp_path / "in.jsonl").write_text(json.dumps(line))
    done(tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    [ranked] = lines(tmp_path / "out.jsonl")
    assert [one["index"] for one in ranked["ranking"]] == [0, 1]
    assert "the images of the query and of 1 of 2 passages were not read" in ranked["warnings"][0]
    assert ranked["query_images"] == "pages/1.png"


@pytest.mark.parametrize("redirect", ["<&-", ">&-"])
def test_a_closed_standard_stream_gives_one_line(redirect) -> None:
    assert "is closed" in swaprank("rerank", "-r", "bm25", redirect=redirect, check=2).stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"passages": []}', "Line 1 has no query"),
        ('{"query": "q", "passages": "x"}', "Line 1 has no list of passages"),
        ('{"query": "q", "passages": [3]}', "Line 1, passage 0 is '3'"),
        ('{"query": "q", "passages": [{"text": "a", "socre": 1}]}', "passage 0"),
        ('{"query": "q", "passages": [{"text": "a", "score": 1' + "0" * 400 + "}]}", "passage 0 has the score"),
        ('{"query": "q", "passages": [{"text": "a", "score": NaN}]}', "passage 0 has the score 'nan'"),
        ('{"query": "q", "passages": [{"text": "a", "score": true}]}', "passage 0 has the score 'True'"),
        ('{"query": "q", "passages": [{"text": "a", "metadata": []}]}', "passage 0 has the metadata"),
        ('{"query": "q", "passages": [{"text": "a", "images": 3}]}', "passage 0 has the images '3'"),
        ('{"query": "q", "passages": [{"images": [""]}]}', "passage 0 has the images"),
        ('{"query": "q", "passages": [], "query_images": 3}', "Line 1 has the images '3'"),
        ('{"query": "q", "passages": [], "instruction": 3}', "Line 1 has the instruction '3'"),
        ('{"query": "q\\ud800", "passages": []}', "Line 1 is not JSON in UTF-8"),
        ("[" * 100_000, "Line 1 is not JSON"),
        ("7", "Line 1 has no query"),
    ],
)
def test_bad_lines_are_named(tmp_path, text, message) -> None:
    (tmp_path / "in.jsonl").write_text(text)
    with pytest.raises(InputError) as caught:
        done(tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    assert message in str(caught.value)


def test_a_line_or_the_option_says_what_counts_as_relevant() -> None:
    backend = ScriptedBackend(lambda request: LabelScores((-1.0,) * len(request.labels)))
    reranker = Reranker({"method": "zero-shot", "model": "any"}, backend=backend)
    given = [b'{"query": "q", "passages": ["p"], "instruction": "OWN"}', b'{"query": "q", "passages": ["p"]}']
    [written] = rerank_jobs(reranker, jobs(given), 2, "OPTION")
    own, option = (repr(request.prompt) for request in backend.requests)
    assert ("OWN" in own, "OPTION" in own, "OPTION" in option) == (True, False, True)
    assert [json.loads(line).get("instruction") for line in written] == ["OWN", None]


def test_an_instruction_that_no_method_takes_is_refused() -> None:
    error = swaprank("rerank", "-r", "bm25", "--instruction", "Prefer audits.", given=job(1), check=2).stderr
    assert "'bm25' takes no instruction" in error
    assert "'Prefer audits.'" in error


def test_a_bad_line_has_exit_code_2() -> None:
    assert "Line 1 has no query" in swaprank("rerank", given="{}", check=2).stderr


def test_another_config_does_not_continue_a_file(tmp_path) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(json.dumps({"query": "tea", "passages": ["tea", "coffee"]}) + "\n")
    swaprank("rerank", "-r", "bm25", "-i", source, "-o", target)
    before = target.read_text()
    said = swaprank("rerank", "-r", "lexical", "-i", source, "-o", target, check=2).stderr
    assert "was written with another config" in said
    assert "--overwrite" in said
    assert (
        "another config" in swaprank("rerank", "-r", "bm25", "--top-n", 1, "-i", source, "-o", target, check=2).stderr
    )
    assert target.read_text() == before
    swaprank("rerank", "-r", "bm25", "-i", source, "-o", target)
    assert target.read_text() == before
    swaprank("rerank", "-r", "lexical", "-i", source, "-o", target, "--overwrite")
    assert target.read_text() != before
