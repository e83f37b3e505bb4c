"""Boost: recency and listed values move scores by their weight; what cannot be read is neutral, and is said."""

import logging
import math
from datetime import UTC, date, datetime

import pytest

from swaprank import ConfigError, Passage, Reranker
from swaprank.scores.moments import moment, seconds_of
from swaprank.testing import check_reranker

NOW = "2026-01-31"
DAY = 86_400


def ranked(boost: dict, metadata: list, scores: list[float]) -> list[float]:
    passages = [Passage(f"p{i}", score=s, metadata=m) for i, (m, s) in enumerate(zip(metadata, scores, strict=True))]
    return Reranker({"boost": {"norm": "none", **boost}}).rerank("q", passages).scores


def test_it_keeps_the_promises_of_a_reranker() -> None:
    check_reranker(Reranker({"boost": {"field": "date", "half_life": 30, "now": NOW}}))
    check_reranker(Reranker({"boost": {"field": "kind", "values": {"a": 1}}}))


def test_the_boost_halves_with_every_half_life() -> None:
    dates = [{"date": text} for text in ("2026-01-31", "2026-01-01", "2025-12-02", "2030-01-01")]
    scores = ranked({"field": "date", "half_life": "30d", "weight": 1.0, "now": NOW}, dates, [0.0] * 4)
    assert scores == pytest.approx([1.0, 0.5, 0.25, 1.0])
    assert ranked({"field": "date", "half_life": 30, "weight": 1.0, "now": NOW}, dates, [0.0] * 4) == scores


def test_without_now_a_fresh_passage_has_the_whole_boost() -> None:
    fresh, old = {"date": datetime.now(UTC)}, {"date": "1990"}
    assert ranked({"field": "date", "half_life": "1y", "weight": 2}, [fresh, old], [0, 0])[0] == pytest.approx(
        2, abs=1e-3
    )


def test_an_unreadable_date_counts_as_the_mean_of_the_others_and_is_said(caplog) -> None:
    metadata = [{"date": "2026-01-31"}, {"date": "2026-01-01"}, {"date": "yesterday"}, {}]
    with caplog.at_level(logging.INFO, logger="swaprank"):
        scores = ranked({"field": "date", "half_life": 30, "weight": 1, "now": NOW}, metadata, [0.0] * 4)
    assert scores == pytest.approx([1.0, 0.5, 0.75, 0.75])
    assert "2 of 4 passages have no date in the metadata field 'date' (1 do not have the field)" in caplog.text
    assert "yesterday" not in caplog.text
    with caplog.at_level(logging.WARNING, logger="swaprank"):
        caplog.clear()
        assert ranked({"field": "dat", "half_life": 30, "now": NOW}, metadata, [3.0, 2.0, 1.0, 0.0]) == [3, 2, 1, 0]
    assert "4 of 4" in caplog.text


def test_values_add_their_boost_and_others_add_nothing() -> None:
    boost = {"field": "kind", "values": {"official": 1, "forum": -0.5, "2024": 0.3, "true": 0.2}, "weight": 0.1}
    metadata = [{"kind": kind} for kind in ("official", "forum", "blog", ["forum", "official"], 2024, True, None)]
    assert ranked(boost, metadata, [0.0] * 7) == pytest.approx([0.1, -0.05, 0, 0.1, 0.03, 0.02, 0])


def test_fields_may_be_nested() -> None:
    boost = {"field": "source.kind", "values": {"official": 1}, "weight": 1}
    metadata = [{"source": {"kind": "official"}}, {"source.kind": "official"}, {"source": "official"}]
    assert ranked(boost, metadata, [0.0] * 3) == [1, 1, 0]


def test_by_default_the_weight_is_a_share_of_the_range_of_scores() -> None:
    passages = [Passage("a", score=10.0), Passage("b", score=0.0, metadata={"kind": "x"})]
    config = {"boost": {"field": "kind", "values": {"x": 1}, "weight": 0.4}}
    ranking = Reranker(config).rerank("q", passages)
    assert ranking.scores == pytest.approx([1.0, 0.4])
    assert ranking.score_kind == "fused"
    two = {"stages": [config, {"boost": {"field": "kind", "values": {"x": 1}, "weight": 0.7, "norm": "none"}}]}
    assert Reranker(two).rerank("q", passages).order == [1, 0]


@pytest.mark.parametrize(
    "value",
    [
        1_700_000_000,
        1_700_000_000_000,
        "1700000000",
        "1700000000000",
        "2023-11-14T22:13:20Z",
        "2023-11-14T22:13:20+00:00",
        "2023-11-14T22:13:20",
        "20231114T221320",
        datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
        datetime(2023, 11, 14, 22, 13, 20),
    ],
    ids=repr,
)
def test_moments_are_read_as_metadata_writes_them(value) -> None:
    assert moment(value) == 1_700_000_000


def test_dates_months_and_years_are_their_first_day() -> None:
    for value in (date(2024, 5, 1), "2024-05-01", "20240501", "2024-05", " 2024-05-01 "):
        assert moment(value) == datetime(2024, 5, 1, tzinfo=UTC).timestamp(), value
    assert moment(2024) == moment("2024") == datetime(2024, 1, 1, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    "value", [None, "", "soon", True, math.nan, math.inf, [2024], {}, "9" * 400, "2024-13-01", 10**400]
)
def test_what_is_no_moment_is_none(value) -> None:
    assert moment(value) is None


def test_spans() -> None:
    assert [seconds_of(span) for span in (1, "1d", "24h", "0.5w", "1y")] == [DAY, DAY, DAY, 3.5 * DAY, 365.25 * DAY]


@pytest.mark.parametrize(
    "wrong",
    [
        {"field": "f"},
        {"field": "f", "half_life": 1, "values": {"a": 1}},
        {"field": "f", "half_life": 0},
        {"field": "f", "half_life": "a month"},
        {"field": "f", "half_life": 1, "now": "tomorrow"},
        {"field": "f", "values": {"a": math.inf}},
        {"field": "f", "values": {}},
        {"field": "f", "values": {"a": 1}, "now": NOW},
        {"field": "f", "values": {"a": 1}, "wieght": 1},
        {"field": "", "values": {"a": 1}},
    ],
    ids=str,
)
def test_impossible_options_are_refused(wrong) -> None:
    with pytest.raises(ConfigError):
        Reranker({"boost": wrong})
