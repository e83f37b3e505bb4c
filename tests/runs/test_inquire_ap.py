"""INQUIRE's average precision: the official code's recorded values, and its place among ir-measures' names."""

import json

import numpy as np
import pytest

from swaprank import InputError, Passage
from swaprank.runs.evaluation import Dataset, as_run, measure
from swaprank.runs.inquire_ap import average_precision
from tests.conftest import GOLDEN

RECORDED = json.loads((GOLDEN / "inquire-rerank.json").read_text())["metric_cases"]
# Where scores tie, the official code's order depends on how numpy sorts on that machine.
CASES = [one for one in RECORDED if "ap" in one and len(set(one["scores"])) == len(one["scores"])]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{sum(case['relevant'])} of {case['all_relevant']}")
def test_it_is_the_official_codes(case) -> None:
    order = np.argsort(case["scores"])[::-1]
    relevant = [bool(case["relevant"][place]) for place in order]
    assert average_precision(relevant, case["all_relevant"]) == pytest.approx(case["ap"], abs=1e-6)


def test_it_is_asked_for_by_name() -> None:
    ids = [f"d{number}" for number in range(10)]
    dataset = Dataset("x", {"q": "?"}, {"q": [Passage("t", id=id_) for id_ in ids]}, {"q": dict.fromkeys(ids[1:], 1)})
    names = ["INQUIRE_AP@2", "INQUIRE_AP(rel=2)@2", "INQUIRE_AP", "AP@2", "nDCG@10"]
    found = measure({"q": as_run(ids)}, dataset, names, name="x").measures
    # One hit, at place 2 of 2; nine are relevant.
    assert found["INQUIRE_AP@2"] == pytest.approx(0.5 / 2)
    assert found["AP@2"] == pytest.approx(0.5 / 9)
    assert found["INQUIRE_AP(rel=2)@2"] == 0.0
    assert found["INQUIRE_AP"] == pytest.approx(sum(hit / (hit + 1) for hit in range(1, 10)) / 9)


def test_a_cut_off_of_nothing_is_refused() -> None:
    dataset = Dataset("x", {"q": "?"}, {"q": [Passage("t", id="d")]}, {"q": {"d": 1}})
    with pytest.raises(InputError, match="has the cut-off 0"):
        measure({"q": {"d": 1.0}}, dataset, ["INQUIRE_AP@0"], name="x")
