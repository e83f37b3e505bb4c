"""A map to relevance stays between 0 and 1, never falls, and refuses what would."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from swaprank.scores.relevance import PUBLISHED, Evidence, Isotonic, Logistic, Range, RelevanceMap, mapped

FINITE = st.floats(allow_nan=False, allow_infinity=False)
MAPS = [
    Logistic(slope=2, intercept=-3),
    Logistic(slope=1e308, intercept=-1e308),
    Isotonic(points=((0.5, 0.3),)),
    Isotonic(points=((-2.0, 0.1), (0.0, 0.1), (3.0, 0.9))),
    Isotonic(points=((-1.7e308, 0.0), (1.7e308, 1.0))),
    Range(low=0.7, high=1.0),
    Range(low=-1.7e308, high=1.7e308),
    *PUBLISHED.values(),
]


@given(FINITE, FINITE)
@pytest.mark.parametrize("how", MAPS, ids=str)
def test_a_better_score_is_never_less_relevant(how, one, other) -> None:
    low, high = (how.relevance(score) for score in sorted((one, other)))
    assert 0 <= low <= high <= 1


def test_values() -> None:
    assert Logistic(slope=2, intercept=-3).relevance(1.5) == 0.5
    rising = Isotonic(points=((0.0, 0.2), (2.0, 0.6)))
    assert [rising.relevance(score) for score in (-1, 0, 1, 2, 9)] == pytest.approx([0.2, 0.2, 0.4, 0.6, 0.6])
    assert [Range(low=0.5, high=1.0).relevance(score) for score in (0.2, 0.75, 3)] == [0, 0.5, 1]
    found = {"terms": 1.0, "cosine": 0.5, "other": 9.0}
    assert Evidence(weights={"terms": 2, "cosine": -4}, intercept=0).relevance(found) == 0.5


def test_what_is_not_finite_has_no_relevance() -> None:
    assert mapped(Logistic(slope=1), [0.0, None, math.nan, math.inf, -math.inf]) == [0.5, None, None, None, None]


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "logistic", "slope": 0},
        {"type": "logistic", "slope": -1},
        {"type": "isotonic", "points": []},
        {"type": "isotonic", "points": [[1.0, 0.2], [1.0, 0.3]]},
        {"type": "isotonic", "points": [[1.0, 0.4], [2.0, 0.3]]},
        {"type": "isotonic", "points": [[1.0, 1.4]]},
        {"type": "range", "low": 1, "high": 1},
        {"type": "evidence", "weights": {}},
        {"type": "linear"},
        {"slope": 1},
    ],
    ids=str,
)
def test_maps_that_fall_or_say_nothing_are_refused(wrong) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(RelevanceMap).validate_python(wrong)
