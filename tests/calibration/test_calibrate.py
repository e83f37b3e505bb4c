"""Calibration: the map fits the labels, its figures are of queries it has not seen, and relative scores are refused."""

import json
import math
import random

import pytest

from swaprank import ConfigError, InputError, Reranker
from swaprank.calibration.calibrate import _bent, calibrate
from swaprank.calibration.fitting import Scored, figures, fit, held_out
from swaprank.calibration.labelled import Labelled, load_labelled
from swaprank.requests import PairScored
from swaprank.scores.relevance import Evidence, Logistic
from swaprank.testing import ScriptedBackend
from swaprank.types import Passage, Query

pytest.importorskip("sklearn")


def drawn(count: int = 4000, per_query: int = 20) -> Scored:
    """Logits whose true relevance is sigmoid(2 * score - 3)."""
    chance = random.Random(3)
    scores = [chance.gauss(1.5, 1.5) for _ in range(count)]
    relevant = [chance.random() < 1 / (1 + math.exp(3 - 2 * score)) for score in scores]
    return Scored(scores, relevant, [place // per_query for place in range(count)])


def test_both_maps_find_the_truth() -> None:
    data = drawn()
    logistic = fit(data, "logistic")
    assert logistic.slope == pytest.approx(2, rel=0.1) and logistic.intercept == pytest.approx(-3, rel=0.1)
    isotonic = fit(data, "isotonic")
    for score in (0.0, 1.0, 1.5, 2.0, 3.0):
        assert isotonic.relevance(score) == pytest.approx(logistic.relevance(score), abs=0.08)


@pytest.mark.parametrize("scale", [1e-250, 1.0, 1e250])
def test_scores_of_any_size(scale) -> None:
    data = drawn(400)
    scaled = Scored([score * scale for score in data.scores], data.relevant, data.query)
    assert fit(scaled, "logistic").relevance(1.5 * scale) == pytest.approx(
        fit(data, "logistic").relevance(1.5), abs=1e-3
    )


@pytest.mark.parametrize("how", ["logistic", "isotonic"])
def test_separable_scores_have_a_finite_map(how) -> None:
    data = Scored([0.0, 1.0, 2.0, 3.0], [False, False, True, True], [0, 1, 2, 3])
    found = fit(data, how)
    assert found.relevance(0.0) < 0.5 < found.relevance(3.0)


@pytest.mark.parametrize("how", ["logistic", "isotonic"])
@pytest.mark.parametrize("scores", [[1.0] * 4, [3.0, 2.0, 1.0, 0.0]], ids=["equal", "falling"])
def test_scores_that_say_nothing_are_refused(how, scores) -> None:
    with pytest.raises(InputError):
        fit(Scored(scores, [False, False, True, True], [0, 0, 1, 1]), how)


def test_figures_are_of_queries_that_the_map_has_not_seen() -> None:
    """A label that hangs on the query alone cannot be foretold from others."""
    data = drawn()
    relevance, apart = held_out(data, "isotonic")
    assert apart and relevance != [fit(data, "isotonic").relevance(score) for score in data.scores]
    few, apart = held_out(data.only(range(60)), "logistic")
    assert not apart and few == [fit(data.only(range(60)), "logistic").relevance(score) for score in data.scores[:60]]
    [row] = figures(data, relevance, [0.5])
    right = sum(label == (one >= 0.5) for label, one in zip(data.relevant, relevance, strict=True)) / len(relevance)
    assert right > 0.7 and row.precision > 0.7 and 0 < row.recall < 1 and row.kept == pytest.approx(10, abs=3)


def test_no_passage_above_a_threshold_has_no_precision() -> None:
    [row] = figures(Scored([0.0, 1.0], [False, True], [0, 0]), [0.1, 0.2], [0.5])
    assert (row.precision, row.recall, row.kept) == (None, 0.0, 0.0)


def by_length(request):
    size = float(len(request.passage))
    return PairScored(logit=size, activation="identity", activated=size)


def lengths() -> list[Labelled]:
    """Passages of 1 to 20 letters, of which those from 11 on are relevant."""
    return [
        Labelled(
            Query(f"query {number}"),
            [Passage("x" * size) for size in range(1, 21)],
            [size > 10 for size in range(1, 21)],
        )
        for number in range(6)
    ]


@pytest.mark.parametrize("how", ["logistic", "isotonic"])
def test_the_map_of_a_reranker_serves_its_thresholds(how) -> None:
    config = {"method": "cross-encoder", "model": "m", "top_n": 3, "score_threshold": 0.9, "normalize": "sigmoid"}
    found = calibrate(config, lengths(), how, backend=ScriptedBackend(by_length))
    assert (found.pairs, found.relevant, found.queries, found.held_out) == (120, 60, 6, True)
    assert [(row.precision, row.recall) for row in found.thresholds if row.threshold == 0.5] == [(1.0, 1.0)]
    built = Reranker(
        method="cross-encoder",
        model="m",
        relevance=found.relevance,
        score_threshold=0.5,
        backend=ScriptedBackend(by_length),
    )
    assert built.rerank("q", ["x" * size for size in (5, 10, 12, 20)]).order == [3, 2]
    again = {key: value for key, value in built.to_config().items() if key != "backend"}
    assert again["relevance"] == found.relevance
    assert Reranker(again, backend=ScriptedBackend(by_length)).rerank("q", ["x" * 12]).relevance == (
        built.rerank("q", ["x" * 12]).relevance
    )


def test_the_default_is_bent() -> None:
    data = [
        Labelled(
            Query(f"What colour has the {thing}?"),
            [Passage(f"The {thing} has the colour red."), Passage("Lunch is at noon."), Passage(f"No {thing}.")],
            [True, False, False],
        )
        for thing in ("house", "harbour", "ship", "bird", "river", "tower")
    ]
    found = calibrate({"reranker": "embedded"}, data)
    assert found.relevance["type"] == "evidence"
    bent = Reranker(relevance=found.relevance, score_threshold=0.5)
    assert bent.rerank(data[0].query.text, data[0].passages).order == [0]
    with pytest.raises(ConfigError, match="cannot be isotonic"):
        calibrate({"reranker": "embedded"}, data, "isotonic")


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"reranker": "rankzephyr"}, "made from their ranks"),
        ({"fusion": "rrf", "of": ["bm25", "lexical"]}, "scaled each by itself"),
        ({"reranker": "embedded", "relevance": None}, "scaled each by itself"),
    ],
    ids=str,
)
def test_relative_scores_are_refused_with_the_reason(config, why) -> None:
    with pytest.raises(ConfigError, match=why):
        calibrate(config, lengths())


def test_the_map_of_the_lexical_match_is_mapped_on_in_both_forms() -> None:
    data = [
        Labelled(
            Query(f"Where is the {thing}?"),
            (Passage(f"The {thing} is here."), Passage("The is a."), Passage("Lunch")),
            (True, False, False),
        )
        for thing in ("house", "harbour", "ship", "bird", "river", "tower")
    ]
    for how in ("logistic", "isotonic"):
        found = calibrate({"reranker": "lexical"}, data, how)
        kept = Reranker("lexical", relevance=found.relevance, score_threshold=0.5)
        assert kept.rerank(data[0].query.text, data[0].passages).order == [0]


def test_without_the_embeddings_the_map_of_words_is_bent_too() -> None:
    given = {
        "type": "evidence",
        "weights": {"cosine": 2.0},
        "otherwise": {"weights": {"terms": 4.0}, "intercept": -1.0},
    }
    bent = _bent(Evidence.model_validate(given), Logistic(slope=2, intercept=0.5))
    assert bent.otherwise is not None
    assert (bent.weights, bent.intercept) == ({"cosine": 4.0}, 0.5)
    assert (bent.otherwise.weights, bent.otherwise.intercept) == ({"terms": 8.0}, -1.5)


def test_pairs_of_one_query_make_one_list(tmp_path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text(
        '{"query": "a", "passage": "one", "label": 1}\n\n{"query": "b", "passage": {"text": "two", "title": "t"}, "label": false}\n'
        '{"query": "a", "passage": "three", "label": 0.4}\n',
        encoding="utf-8",
    )
    found = load_labelled(path)
    assert [(each.query.text, [one.text for one in each.passages], each.relevant) for each in found] == [
        ("a", ["one", "three"], [True, False]),
        ("b", ["two"], [False]),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "Line 2 .* is not JSON"),
        ("[]", "Line 2 .* is no mapping"),
        ('{"query": " ", "passage": "a", "label": 1}', "Line 2 .* has no query"),
        ('{"query": "q", "label": 1}', "Line 2 has the passage|Line 2 .* has the passage"),
        ('{"query": "q", "passage": {"title": "a"}, "label": 1}', "has the passage"),
        ('{"query": "q", "passage": "a", "label": "yes"}', "has the label 'yes'"),
        ('{"query": "q", "passage": "a", "label": NaN}', "has the label 'nan'"),
        ('{"query": "q", "passage": "a", "label": 1}', "needs both classes"),
    ],
)
def test_bad_data_is_refused_by_line(tmp_path, line, message) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"query": "q", "passage": "a", "label": 1}\n' + line, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load_labelled(path)


def test_a_folder_without_a_run_is_searched_by_bm25(tmp_path) -> None:
    (tmp_path / "qrels").mkdir()
    passages = [{"_id": "d1", "text": "green tea"}, {"_id": "d2", "text": "water"}, {"_id": "d3", "text": "black tea"}]
    for name, lines in (("corpus", passages), ("queries", [{"_id": "q1", "text": "green tea"}])):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\n", encoding="utf-8")
    found = load_labelled(tmp_path)
    assert [(each.query.text, [one.id for one in each.passages], each.relevant) for each in found] == [
        ("green tea", ["d1", "d3"], [True, False]),
    ]
    with pytest.raises(InputError, match=r"dense\.trec"):
        load_labelled(tmp_path, run="dense")
