"""Fusion rules: parity with recorded official codes, and every degenerate list."""

import math

import pytest

from swaprank.scores.fusion_rules import RULES, Rule, fuse
from tests.conftest import golden

RECORDED = golden("fusion")
EQUAL, MEAN = (lambda n: [1.0] * n), (lambda n: [1.0 / n] * n)

# What each recorded code does, in our words: rule, weights by number of lists (or of two), further options.
CODES = {
    "rank-r1 hybrid.py min-max, alpha 0.5": (RULES["rank-r1"], (0.5, 0.5), {}),
    "rank-r1 hybrid.py min-max, alpha 0.1": (RULES["rank-r1"], (0.1, 0.9), {}),
    "diver 0.6 pointwise + 0.4 listwise of -ln(rank)": (RULES["diver"], (0.6, 0.4), {}),
    "erank hybrid z-score alpha 0.2 (first list = first stage)": (RULES["erank"], (0.2, 0.8), {}),
    "ranx rrf k=60": (RULES["rrf"], EQUAL, {}),
    "ranx sum min-max (CombSUM)": (RULES["combsum"], EQUAL, {}),
    "ranx mnz min-max (CombMNZ)": (RULES["combmnz"], EQUAL, {}),
    "ranx mnz no norm": (Rule("none", "mnz"), EQUAL, {}),
    "ranx sum zmuv": (Rule("z-score"), EQUAL, {}),
    "ranx wsum min-max weights 0.3/0.7": (RULES["min-max"], (0.3, 0.7), {}),
    "ranx wsum max": (Rule("max"), MEAN, {}),
    "ranx wsum sum": (Rule("sum"), MEAN, {}),
    "ranx wsum borda": (Rule("borda"), MEAN, {}),
    "ranx wsum rank": (Rule("rank"), MEAN, {}),
    "llama-index reciprocal_rerank": (RULES["rrf"], EQUAL, {"k": 59}),
    "llama-index relative_score": (RULES["min-max"], MEAN, {}),
    "llama-index dist_based_score": (RULES["dbsf"], MEAN, {}),
    "llama-index simple": (Rule("none", "max"), EQUAL, {}),
    "langchain EnsembleRetriever c=60": (RULES["rrf"], MEAN, {}),
    "qdrant rrf k=2 (its default)": (RULES["rrf"], EQUAL, {"k": 1}),
    "qdrant rrf k=61 (equals 1/(60+rank))": (RULES["rrf"], EQUAL, {}),
    "qdrant dbsf": (RULES["dbsf"], EQUAL, {"sample": True}),
    "haystack reciprocal_rank_fusion": (RULES["rrf"], lambda n: [61.0 / n] * n, {}),
    "haystack distribution_based_rank_fusion": (Rule("dbsf", "max"), EQUAL, {}),
    "haystack merge": (Rule("none"), MEAN, {}),
}

# Lists that say nothing or hold no numbers: there the official codes differ among themselves, and ours are told below.
DEGENERATE = {
    "all equal in the first",
    "all equal in both",
    "one item in both",
    "one item against many",
    "one list empty",
    "NaN in the first",
    "plus infinity in the first",
    "minus infinity in the second",
    "tiny range (1e-12)",
}


def columns(case, name=""):
    lists = [{id_: float(score) for id_, score in one.items()} for one in case["lists"]]
    if isinstance(CODES.get(name, (0, 0, 0))[1], tuple):
        lists = lists[:2]
    ids = list(dict.fromkeys(id_ for one in lists for id_ in one))
    if name.startswith("erank"):
        ids = [id_ for id_ in ids if all(id_ in one for one in lists)]
    return ids, [[one.get(id_) for id_ in ids] for one in lists]


def regular():
    for case in RECORDED["cases"]:
        for name in CODES:
            refused = "error" in case["results"][name]
            turned_around = name == "ranx wsum max" and case["input"] in ("all negative", "three lists")
            if case["input"] not in DEGENERATE and not refused and not turned_around:
                yield pytest.param(case, name, id=f"{case['input']}-{name}")


@pytest.mark.parametrize(("case", "name"), list(regular()))
def test_recorded_scores(case, name) -> None:
    rule, weights, options = CODES[name]
    recorded = case["results"][name]
    ids, lists = columns(case, name)
    given = weights if isinstance(weights, tuple) else weights(len(lists))
    ours = dict(zip(ids, fuse(rule, lists, given, **options), strict=True))
    if recorded["scores"] is not None:
        assert {id_: ours[id_] for id_ in recorded["scores"]} == pytest.approx(recorded["scores"], abs=1.5e-6)
    along = [ours[id_] for id_ in recorded["order"]]
    assert along == pytest.approx(sorted(along, reverse=True), abs=1.5e-6)


def test_every_code_and_case_is_held_to() -> None:
    assert len(list(regular())) > 300
    assert {name for case in RECORDED["cases"] for name in case["results"]} == set(CODES)
    assert {case["input"] for case in RECORDED["cases"]} >= DEGENERATE


def test_the_published_example_of_eranks_model_card() -> None:
    """To the digits it prints; the sample standard deviation would give 0.96."""
    [case] = [case for case in RECORDED["cases"] if case["input"] == "erank published example"]
    ids, lists = columns(case)
    ours = dict(zip(ids, fuse(RULES["erank"], lists, (0.2, 0.8)), strict=True))
    assert {id_: f"{score:.2f}" for id_, score in ours.items()} == {
        "excited": "1.18",
        "peaceful": "0.01",
        "sad": "-1.19",
    }
    sampled = fuse(RULES["erank"], lists, (0.2, 0.8), sample=True)
    assert max(sampled) == pytest.approx(0.96, abs=0.005)


SCALED = {"minmax": "min-max", "zscore": "z-score", "none": "none"}


@pytest.mark.parametrize(
    "case",
    golden("vic")["fusion_cases"],
    ids=lambda case: f"{case['what']}-{case['fusion']}-{case.get('normalization')}-{bool(case.get('weights'))}",
)
def test_the_recorded_fusions_of_vic(case) -> None:
    """A list of equal scores adds nothing in the official code, and the same to all here."""
    if case["fusion"] == "rrf":
        rule, weights = RULES["rrf"], [1.0] * len(case["lists"])
    else:
        combination = "sum" if case["fusion"] == "combsum" else "hits"
        rule = Rule(SCALED[case["normalization"]], combination)
        weights = case["weights"] or [1 / len(case["lists"])] * len(case["lists"])
    ours = fuse(rule, case["lists"], weights)
    if case["what"] == "three lists":
        assert ours == pytest.approx(case["scores"], abs=1.5e-6)
    along = [ours[place] for place in case["order"]]
    if case["what"] == "three lists" or case["fusion"] != "combmnz":
        assert along == pytest.approx(sorted(along, reverse=True), abs=1.5e-6)


def case(name):
    [found] = [case for case in RECORDED["cases"] if case["input"] == name]
    return columns(found)[1]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", sorted(DEGENERATE))
def test_recorded_degenerate_lists_give_finite_scores(rule, name) -> None:
    lists = case(name)
    ours = fuse(RULES[rule], lists, [0.5, 0.5])
    assert len(ours) == len(lists[0]) and all(math.isfinite(score) for score in ours)


@pytest.mark.parametrize("rule", RULES)
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
    ours = fuse(RULES[rule], [odd, [3.0, 2.0, 1.0]], [0.5, 0.5])
    assert len(ours) == 3
    assert all(math.isfinite(score) for score in ours)


@pytest.mark.parametrize(
    "rule", ["z-score", "min-max", "dbsf", "combsum", "combmnz", "erank", "rank-r1", "judgerank", "vic"]
)
def test_a_constant_list_lets_the_other_decide(rule) -> None:
    ours = fuse(RULES[rule], [[7.0, 7.0, 7.0], [1.0, 3.0, 2.0]], [0.9, 0.1])
    assert ours[1] > ours[2] > ours[0]


@pytest.mark.parametrize(("rule", "constant"), [("z-score", 0.0), ("min-max", 0.5), ("dbsf", 0.5)])
def test_what_a_constant_list_adds(rule, constant) -> None:
    for only in ([7.0, 7.0], [3.2], [0.0], [-1.0, -1.0]):
        assert fuse(RULES[rule], [only], [1.0]) == [constant] * len(only)
    assert fuse(RULES[rule], [[]], [1.0]) == []


@pytest.mark.parametrize("rule", ["z-score", "min-max", "judgerank"])
def test_missing_is_the_bottom_and_infinity_the_top(rule) -> None:
    ours = fuse(RULES[rule], [[5.0, None, math.inf, math.nan, 1.0]], [1.0])
    assert ours[2] == ours[0] > ours[4]
    assert ours[1] == ours[3] == ours[4]


def test_infinities_keep_their_rank_in_rules_of_ranks() -> None:
    assert fuse(RULES["rrf"], [[5.0, math.inf, -math.inf]], [1.0]) == pytest.approx([1 / 62, 1 / 61, 1 / 63])


def test_diver_keeps_what_only_one_list_holds() -> None:
    """The official code stops at a KeyError, or drops them."""
    ours = fuse(RULES["diver"], [[9.0, 8.0, None], [None, 1.0, 2.0]], [0.6, 0.4])
    assert ours == pytest.approx([-0.4 * math.log(3), -math.log(2), -0.6 * math.log(3)])


def test_max_does_not_turn_a_negative_list_around() -> None:
    ours = fuse(Rule("max"), [[-1.0, -2.0, -4.0]], [1.0])
    assert ours == pytest.approx([1.0, 2 / 3, 0.0])


def test_the_policy_for_missing_candidates_can_be_chosen() -> None:
    lists = [[3.0, 2.0, 1.0], [None, 5.0, 4.0]]
    lowest, nothing = (fuse(Rule("z-score", missing=how), lists, [1, 1])[0] for how in ("lowest", "nothing"))
    assert nothing == pytest.approx(math.sqrt(1.5))
    assert lowest == pytest.approx(nothing - 1.0)


def test_a_tiny_but_real_range_keeps_its_order() -> None:
    for scores in ([1e-12, 3e-12, 2e-12], [1.0, 1.000000000002, 1.000000000001]):
        for rule in ("z-score", "min-max", "dbsf"):
            ours = fuse(RULES[rule], [scores], [1.0])
            assert ours[1] > ours[2] > ours[0]


def test_reciprocal_rank_counts_from_one_and_honours_weights_and_k() -> None:
    assert fuse(RULES["rrf"], [[3.0, None, 5.0]], [2.0]) == pytest.approx([2 / 62, 0.0, 2 / 61])
    assert fuse(RULES["rrf"], [[3.0, None, 5.0]], [2.0], k=1) == pytest.approx([2 / 3, 0.0, 1.0])
