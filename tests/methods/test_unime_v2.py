"""UniME-V2's reranker: scores, picks and parsed replies of the recorded official code."""

from __future__ import annotations

import pytest

from swaprank.methods.unime_v2_listwise import read_choice
from tests.conftest import golden
from tests.methods.multimodal import answered, asked, check, reranker

pytest.importorskip("torch")
pytest.importorskip("PIL")
RECORDED = golden("unime-v2-reranker")
PAIRWISE = [case for case in RECORDED["cases"] if case["mode"] == "pairwise" and "control_tokens" not in case]
LISTWISE = [case for case in RECORDED["cases"] if case["mode"] == "listwise" and "control_tokens" not in case]
SIDES = {"low": 128, "mid_336": 336, "mid": 672, "high": 1344, "": None}


def named(case) -> str:
    return f"{case['input']} {case['image_resolution']}"


@pytest.mark.torch
@pytest.mark.parametrize("case", PAIRWISE, ids=named)
def test_pointwise(case) -> None:
    ranker = reranker("unime-v2", "tiny-qwen2-5-vl-lm", square=SIDES[case["image_resolution"]])
    check(ranker, case["input"], case.get("scores_our_policy", case["scores"]))


@pytest.mark.torch
@pytest.mark.parametrize("case", LISTWISE, ids=named)
def test_listwise_replies(case) -> None:
    from swaprank.methods.unime_v2_listwise import UnimeV2Listwise

    square = SIDES[case["image_resolution"]]
    query, passages = asked(case["input"])
    steps = UnimeV2Listwise(square=square, max_tokens=12).steps(query, passages[: case["candidates"]])
    [request] = next(steps)
    reply = answered("tiny-qwen2-5-vl-lm", request)
    if case["greedy"]["smallest_margin"] > 1e-3:
        assert reply.text == case["greedy"]["text"]


@pytest.mark.parametrize("case", RECORDED["parser_cases"], ids=lambda case: case["raw"][:30])
def test_replies(case) -> None:
    official = case["chosen"]
    n = 10
    assert read_choice(case["raw"], n) == (official if official is not None and 0 <= official < n else None)


@pytest.mark.torch
def test_pages_that_many_prompts_show_are_read_once(monkeypatch) -> None:
    from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VLModel

    read = []
    original = Qwen2_5_VLModel.get_image_features
    monkeypatch.setattr(
        Qwen2_5_VLModel,
        "get_image_features",
        lambda *args, **names: read.extend(names["image_grid_thw"]) or original(*args, **names),
    )
    sorted_by_picks = reranker("unime-v2-listwise", "tiny-qwen2-5-vl-lm", square=128, max_tokens=2)
    query, pages = asked("many")
    calls = sorted_by_picks.rerank(query, pages).calls
    assert sum(call.requests for call in calls) > 2
    assert len(read) == len({page.images for page in pages})
