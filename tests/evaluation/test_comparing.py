"""Rerankers beside one another: figures, failures as rows, going on where it stopped, one seed, one result."""

import json

import pytest
from rich.console import Console

from swaprank import Passage, Reranker
from swaprank.cli.evaluation_tables import show
from swaprank.errors import BackendError, InputError
from swaprank.evaluation.comparing import Options, compare, sampled
from swaprank.evaluation.result import Evaluation
from swaprank.responses import PairScored
from swaprank.runs.evaluation import Dataset, load_files
from swaprank.runs.judged_files import read_run
from swaprank.testing import ScriptedBackend

MEASURES = ("nDCG@10", "RR@10")


@pytest.fixture
def dataset() -> Dataset:
    """Eight queries; the relevant passage is last, and names the query."""
    queries = {f"q{number}": f"word{number} something" for number in range(8)}
    candidates = {
        query: [
            Passage("nothing", id="a", score=3.0),
            Passage("else", id="b", score=2.0),
            Passage(f"{text} here", id=f"d-{query}", score=1.0),
        ]
        for query, text in queries.items()
    }
    return Dataset("made up", queries, candidates, {query: {f"d-{query}": 1} for query in [*queries, "q9"]})


class Counting:
    """A cross-encoder that likes long passages, and fails at a chosen request."""

    def __init__(self, fail_at: int | None = None) -> None:
        self.asked, self.fail_at = 0, fail_at

    def __call__(self, request):
        self.asked += 1
        if self.asked == self.fail_at:
            raise BackendError("the model broke; token=abcdefgh12345678")
        return PairScored(logit=float(len(request.passage)), activation="identity", activated=0.0)


def cross_encoder(answer) -> Reranker:
    return Reranker({"method": "cross-encoder", "model": "m"}, backend=ScriptedBackend(answer))


def test_figures_of_every_row(dataset) -> None:
    found = compare({"bm25": Reranker("bm25"), "long": cross_encoder(Counting())}, dataset, Options(MEASURES))
    first, bm25, long = found.rows
    # The judged query without candidates counts 0.
    assert first.measures["RR@10"] == pytest.approx(8 / 3 / 9)
    assert bm25.measures["RR@10"] == long.measures["RR@10"] == pytest.approx(8 / 9)
    assert first.latency is None
    assert 0 < bm25.latency.p50 <= bm25.latency.p95 <= bm25.latency.highest
    assert long.work.requests == 8 * 3
    assert bm25.queries["q0"].ranking[0] == "d-q0"
    assert bm25.queries["q9"].measures == {"nDCG@10": 0.0, "RR@10": 0.0}
    assert bm25.intervals["RR@10"][0] < 8 / 9 <= bm25.intervals["RR@10"][1]
    assert found.questions["q0"].candidates == ["a", "b", "d-q0"]
    assert found.passages == {}
    assert found.dataset.queries == 9


def test_every_row_is_compared_with_the_first_stage_and_the_best(dataset) -> None:
    rerankers = {"bm25": Reranker("bm25"), "as it was": Reranker({"fusion": "rrf", "of": ["retrieval"]})}
    found = compare(rerankers, dataset, Options(MEASURES))
    of = {(one.row, one.role): one for one in found.comparisons if one.measure == "RR@10"}
    better = of["bm25", "first-stage"]
    assert (better.wins, better.ties, better.losses) == (8, 1, 0)
    assert better.p == pytest.approx(2 / 2**8)
    assert better.p_holm == pytest.approx(2 * better.p)
    same = of["as it was", "first-stage"]
    assert (same.wins, same.ties, same.losses, same.p_holm) == (0, 9, 0, 1.0)
    assert of["as it was", "best"].against == "bm25"
    assert of["as it was", "best"].losses == 8
    assert ("bm25", "best") not in of


def test_a_failing_reranker_is_a_row_and_the_others_are_measured(dataset) -> None:
    rerankers = {
        "broken": cross_encoder(Counting(fail_at=5)),
        "absent": BackendError("no such package"),
        "bm25": Reranker("bm25"),
    }
    _, broken, absent, bm25 = compare(rerankers, dataset, Options(MEASURES)).rows
    assert "the model broke" in broken.error
    assert "abcdefgh12345678" not in broken.error
    assert absent.error == "no such package"
    assert broken.measures == absent.measures == {}
    assert bm25.measures["RR@10"] > 0.8


def test_it_goes_on_where_it_stopped(dataset, tmp_path) -> None:
    how = Options(MEASURES, runs=tmp_path)
    # Three passages a query, and the first query is asked twice so that its time is not that of loading.
    broken = Counting(fail_at=3 * 5 + 1)
    assert compare({"long": cross_encoder(broken)}, dataset, how).rows[1].error
    again, told = Counting(), []
    row = compare(
        {"long": cross_encoder(again)}, dataset, how, progress=lambda name, done: told.append((name, done))
    ).rows[1]
    assert row.measures["RR@10"] == pytest.approx(8 / 9)
    # Four queries were done; the next one is asked twice.
    assert again.asked == 3 * (8 - 4 + 1)
    assert told == [("long", 1)] * 8
    changed = Counting()
    other = Reranker({"method": "cross-encoder", "model": "m", "max_length": 7}, backend=ScriptedBackend(changed))
    compare({"long": other}, dataset, how)
    assert changed.asked == 3 * 9


def test_a_torn_line_is_measured_again(dataset, tmp_path) -> None:
    how = Options(MEASURES, runs=tmp_path)
    compare({"bm25": Reranker("bm25")}, dataset, how)
    log = tmp_path / "bm25.queries.jsonl"
    log.write_bytes(log.read_bytes()[:-40])
    row = compare({"bm25": Reranker("bm25")}, dataset, how).rows[1]
    assert set(row.queries) == {*dataset.queries, "q9"}
    assert row.measures["RR@10"] == pytest.approx(8 / 9)


def test_every_run_and_the_result_are_files(dataset, tmp_path) -> None:
    rerankers = {"a (k1: 2)": Reranker("bm25"), "all ties": cross_encoder(lambda _: PairScored(0.0, "identity", 0.0))}
    found = compare(rerankers, dataset, Options(MEASURES, runs=tmp_path, texts=True))
    assert Evaluation.load(tmp_path / "evaluation.json") == found
    assert found.passages["d-q0"].text == "word0 something here"
    assert [id_ for id_, _ in read_run(tmp_path / "a-k1-2.trec")["q0"]] == found.rows[1].queries["q0"].ranking
    tied = read_run(tmp_path / "all-ties.trec")["q0"]
    assert len({score for _, score in tied}) == 3
    files = {"corpus": "corpus.jsonl", "queries": "queries.jsonl", "qrels": "qrels.tsv"}
    for name, entries in {
        "corpus.jsonl": [{"_id": id_, "text": one.text} for id_, one in found.passages.items()],
        "queries.jsonl": [{"_id": id_, "text": one.text} for id_, one in found.questions.items()],
    }.items():
        (tmp_path / name).write_text("".join(json.dumps(one) + "\n" for one in entries))
    (tmp_path / "qrels.tsv").write_text("".join(f"q{number} 0 d-q{number} 1\n" for number in range(8)))
    again = load_files(**{key: tmp_path / name for key, name in files.items()}, run=tmp_path / "first-stage.trec")
    assert len(again.candidates) == 8


def test_one_seed_gives_one_result(dataset) -> None:
    def figures(seed) -> list:
        found = compare({"bm25": Reranker("bm25")}, dataset, Options(MEASURES, seed=seed))
        return [found.comparisons, [row.intervals for row in found.rows]]

    assert figures(1) == figures(1)


def test_batches_share_their_time(dataset) -> None:
    row = compare({"bm25": Reranker("bm25")}, dataset, Options(MEASURES, batch_size=8)).rows[1]
    assert row.latency.batch_size == 8
    assert len({row.queries[query].seconds for query in dataset.queries}) == 1


def test_a_sample_is_a_smaller_data_set(dataset) -> None:
    few = sampled(dataset, 3)
    assert set(few.queries) == set(few.qrels) == set(few.candidates) == {"q0", "q1", "q2"}


@pytest.mark.parametrize("text", ["{}", "not json", '{"format": "swaprank-evaluation", "version": 2}'])
def test_a_file_that_is_no_result_is_told(tmp_path, text) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(InputError, match="no result of swaprank eval"):
        Evaluation.load(tmp_path / "x.json")


def test_a_price_table_gives_the_cost(dataset) -> None:
    prices = {"currency": "EUR", "models": {"scripted": {"request": 0.25}}}
    reranker = Reranker(
        {"method": "cross-encoder", "model": "m", "prices": prices}, backend=ScriptedBackend(Counting())
    )
    _, priced, free = compare({"priced": reranker, "bm25": Reranker("bm25")}, dataset, Options(MEASURES)).rows
    assert free.cost is None
    assert priced.cost is not None
    assert (priced.cost.amount, priced.cost.currency, priced.cost.per_1000_queries) == (6.0, "EUR", 750.0)


def test_failures_that_on_error_bridges_are_told(dataset, capsys) -> None:
    reranker = Reranker(
        {"method": "cross-encoder", "model": "m", "on_error": "keep_order"},
        backend=ScriptedBackend(lambda _: BackendError("gone")),
    )
    found = compare({"bridged": reranker}, dataset, Options(MEASURES))
    assert found.rows[1].work.failures == 8
    show(found, Console())
    assert "bridged: 8 failures were handled by on_error" in capsys.readouterr().out
