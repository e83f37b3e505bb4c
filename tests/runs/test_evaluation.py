"""The evaluator: files, judgements without texts, ties, and the bundled sample."""

import json

import pytest

from swaprank import InputError, Reranker
from swaprank.cli.demo import sample
from swaprank.runs.evaluation import evaluate, load_beir, load_files, measure

CORPUS = [("d1", "Green", "tea"), ("d2", "", "coffee"), ("d3", "", "green tea leaves"), ("d4", "", "milk")]
QUERIES = [("q1", "green tea"), ("q2", "milk"), ("q3", "nobody asks")]


@pytest.fixture
def folder(tmp_path):
    def jsonl(name, entries) -> None:
        (tmp_path / name).write_text("".join(json.dumps(entry) + "\n" for entry in entries))

    jsonl("corpus.jsonl", [{"_id": id_, "title": title, "text": text} for id_, title, text in CORPUS])
    jsonl("queries.jsonl", [{"_id": id_, "text": text} for id_, text in QUERIES])
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text(
        "query-id\tcorpus-id\tscore\nq1\td3\t2\nq1\td1\t1\nq1\tghost\t3\nq2\td4\t1\nq4\td1\t1\n"
    )
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "bm25.trec").write_text(
        "q1 Q0 d2 1 9.0 x\nq1 Q0 ghost 2 8.5 x\nq1 Q0 d3 3 8.0 x\nq1 Q0 d1 4 7.0 x\nq2 Q0 d2 1 2.0 x\nq2 Q0 d4 2 1.0 x\nq3 Q0 d1 1 1 x\n"
    )
    return tmp_path


def test_a_beir_folder(folder) -> None:
    data = load_beir(folder)
    assert data.name == folder.name
    assert set(data.queries) == {"q1", "q2"}
    assert set(data.candidates) == {"q1", "q2"}
    assert [(one.id, one.score, one.content) for one in data.candidates["q1"]] == [
        ("d2", 9.0, "coffee"),
        ("d3", 8.0, "green tea leaves"),
        ("d1", 7.0, "Green tea"),
    ]
    assert data.qrels["q1"] == {"d3": 2, "d1": 1, "ghost": 3}
    assert [one.id for one in load_beir(folder, depth=2).candidates["q1"]] == ["d2", "d3"]


def test_judged_passages_without_text_count_and_so_do_queries_without_candidates(folder) -> None:
    data = load_beir(folder)
    report = measure(data.first_stage(), data, ["R@10", "RR@10"], name="first stage")
    assert report.per_query["q1"] == {"R@10": pytest.approx(2 / 3), "RR@10": 0.5}
    assert report.per_query["q4"] == {"R@10": 0.0, "RR@10": 0.0}
    assert report.measures["R@10"] == pytest.approx((2 / 3 + 1 + 0) / 3)


def test_reranking_is_measured_against_it(folder) -> None:
    data = load_beir(folder)
    report = evaluate(Reranker("bm25", language="en"), data, ["RR@10", "nDCG@10", "RR(rel=2)@10"])
    assert report.measures["RR@10"] == pytest.approx(2 / 3)
    assert set(report.run["q1"]) == {"d1", "d2", "d3"}
    assert report.calls == 2
    assert report.seconds_per_query > 0


def test_ties_are_measured_in_our_order() -> None:
    """trec_eval re-breaks equal scores by passage id; our runs have none."""
    data = sample("en")
    for run in (data.first_stage(), evaluate(Reranker("bm25", top_n=5), data, ["RR@10"]).run):
        for ranked in run.values():
            assert len(set(ranked.values())) == len(ranked)
            assert list(ranked.values()) == sorted(ranked.values(), reverse=True)


def test_trec_files_one_by_one(folder) -> None:
    qrels = folder / "qrels.trec"
    qrels.write_text("q1 0 d3 2\nq1 0 d1 0\n")
    data = load_files(
        corpus=folder / "corpus.jsonl", queries=folder / "queries.jsonl", qrels=qrels, run=folder / "runs" / "bm25.trec"
    )
    assert data.qrels == {"q1": {"d3": 2, "d1": 0}}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("corpus.jsonl", "{oops", "line 1 is not JSON"),
        ("corpus.jsonl", '{"_id": "d1"}', "line 1 lacks text"),
        ("corpus.jsonl", '{"_id": 1, "text": "a"}', "line 1: _id is 1, which is not text"),
        ("corpus.jsonl", '{"_id": "d1", "text": "a", "title": ["t"]}', "line 1: title is"),
        ("corpus.jsonl", "[" * 100_000, "line 1 is not JSON"),
        ("queries.jsonl", '{"_id": "q1", "text": null}', "line 1: text is None, which is not text"),
        ("queries.jsonl", b"\x89PNG\r\n\xff", "is not text in UTF-8"),
        ("qrels/test.tsv", "q1 0 d1 1 extra", "line 1 is neither"),
        ("runs/bm25.trec", "q1 Q0 d1 1 nan x", "line 1 is not a line of a TREC run"),
        ("runs/bm25.trec", "", "nothing to rerank: of the 0 queries"),
        ("qrels/test.tsv", "", "nothing to rerank: of the 3 queries"),
        ("corpus.jsonl", '{"_id": "x1", "text": "a"}', "0 of their passages have a text"),
        ("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1 d1", "line 2 is neither"),
        ("runs/bm25.trec", "q1 d1 3", "line 1 is not a line of a TREC run"),
    ],
)
def test_broken_files_are_named_with_the_line(folder, name, text, message) -> None:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=message):
        load_beir(folder)


def test_missing_files_and_unknown_measures(folder) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_beir(folder, run="splade")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("nDGC@10", "does not know the measure 'nDGC@10'"),
        ("", "does not know the measure ''"),
        ("nDCG(bogus=3)@10", "does not know the measure 'nDCG.bogus=3.@10'"),
        ("nDCG@0", "'nDCG@0' has the cut-off 0"),
        ("nDCG@1.5", "has the cut-off 1.5"),
        ("P", "cannot compute R@10, P: invalid param cutoff"),
    ],
)
def test_impossible_measures_are_named(folder, asked, message) -> None:
    """Some of them end in an assertion of ir-measures, cut-off 0 in an abort of the process."""
    data = load_beir(folder)
    with pytest.raises(InputError, match=message):
        measure(data.first_stage(), data, ["R@10", asked], name="x")


def test_two_names_of_one_measure_both_have_its_value(folder) -> None:
    data = load_beir(folder)
    report = measure(data.first_stage(), data, ["RR@10", "MRR@10"], name="first stage")
    assert report.measures["RR@10"] == report.measures["MRR@10"] == pytest.approx((0.5 + 0.5) / 3)
    assert report.per_query["q1"] == {"RR@10": 0.5, "MRR@10": 0.5}


def test_queries_without_judgements_are_not_measured(folder) -> None:
    data = load_beir(folder)
    stranger = {**data.first_stage(), "q3": {"d1": 1.0}}
    assert measure(stranger, data, ["NumRet", "RR@10"], name="x").per_query.keys() == {"q1", "q2", "q4"}


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_default_helps_on_the_bundled_sample(language) -> None:
    data = sample(language)
    before = measure(data.first_stage(), data, ["nDCG@10"], name="first stage").measures["nDCG@10"]
    after = evaluate(Reranker(), data, ["nDCG@10"]).measures["nDCG@10"]
    assert after > before + 0.05
