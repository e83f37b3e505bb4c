"""Fusion rules: parity with recorded official codes, and every degenerate list."""

import json
import math
from pathlib import Path

import pytest

from swaprank import fusion

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "fusion.json").read_text(encoding="utf-8"))
RULES = {
    "erank hybrid z-score alpha 0.2 (first list = first stage)": lambda lists: fusion.z_score(lists, [0.2, 0.8]),
    "rank-r1 hybrid.py min-max, alpha 0.5": lambda lists: fusion.min_max(lists, [0.5, 0.5]),
    "ranx rrf k=60": lambda lists: fusion.reciprocal_rank(lists, [1, 1], 60),
}


def regular_cases():
    for case in GOLDEN["cases"]:
        lists = case["lists"]
        values = [value for one in lists for value in one.values()]
        whole = len(lists) == 2 and lists[0].keys() == lists[1].keys()
        if whole and all(isinstance(value, int | float) for value in values):
            spread = all(max(one.values()) - min(one.values()) > 1e-6 for one in lists)
            distinct = all(len(set(one.values())) == len(one) for one in lists)
            if spread and distinct:
                for name in RULES:
                    yield pytest.param(case, name, id=f"{case['input']}-{name.split()[0]}")


@pytest.mark.parametrize(("case", "name"), list(regular_cases()))
def test_recorded_scores(case, name) -> None:
    recorded = case["results"][name]["scores"]
    ids = list(case["lists"][0])
    fused = RULES[name]([[one[id_] for id_ in ids] for one in case["lists"]])
    assert dict(zip(ids, fused, strict=True)) == pytest.approx(recorded, abs=1e-6)


def test_recorded_cases_exist() -> None:
    assert len(list(regular_cases())) >= 9


@pytest.mark.parametrize("rule", [fusion.z_score, fusion.min_max, fusion.reciprocal_rank])
@pytest.mark.parametrize(
    "odd",
    [
        [1.0, 1.0, 1.0],
        [None, None, None],
        [math.nan, math.nan, 2.0],
        [math.inf, 1.0, -math.inf],
        [math.inf, math.inf, math.inf],
        [1e308, -1e308, 0.0],
        [1e-300, 2e-300, 3e-300],
    ],
    ids=str,
)
def test_degenerate_lists_give_finite_scores(rule, odd) -> None:
    fused = rule([odd, [3.0, 2.0, 1.0]], [0.5, 0.5])
    assert len(fused) == 3
    assert all(math.isfinite(score) for score in fused)


@pytest.mark.parametrize("rule", [fusion.z_score, fusion.min_max])
def test_a_constant_list_lets_the_other_decide(rule) -> None:
    fused = rule([[7.0, 7.0, 7.0], [1.0, 3.0, 2.0]], [0.9, 0.1])
    assert fused[1] > fused[2] > fused[0]


@pytest.mark.parametrize("rule", [fusion.z_score, fusion.min_max])
def test_missing_is_the_bottom_and_infinity_the_top(rule) -> None:
    fused = rule([[5.0, None, math.inf, math.nan, 1.0]], [1.0])
    assert fused[2] == fused[0] > fused[4]
    assert fused[1] == fused[3] == fused[4]


def test_a_tiny_but_real_range_keeps_its_order() -> None:
    scores = [1e-12, 3e-12, 2e-12]
    for rule in (fusion.z_score, fusion.min_max):
        fused = rule([scores], [1.0])
        assert fused[1] > fused[2] > fused[0]


def test_reciprocal_rank_counts_from_one_and_honours_weights() -> None:
    assert fusion.reciprocal_rank([[3.0, None, 5.0]], [2.0], 60) == pytest.approx([2 / 62, 0.0, 2 / 61])


def test_an_order_is_trusted_as_far_as_other_evidence_bears_it_out() -> None:
    falling = [float(-rank) for rank in range(100)]
    assert fusion.order_trust(falling, falling) == pytest.approx(1 - 1 / 99)
    assert fusion.order_trust(falling, falling[::-1]) == 0.0
    assert fusion.order_trust(falling, [0.5] * 100) == 0.0
    assert fusion.order_trust([2.0, 1.0], [2.0, 1.0]) == 0.0
    assert fusion.order_trust([], []) == 0.0
    noisy = [score + 40 * ((7 * place) % 10) for place, score in enumerate(falling)]
    assert 0 < fusion.order_trust(falling, noisy) < 1 - 1 / 99
