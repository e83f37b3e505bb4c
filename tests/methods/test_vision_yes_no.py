"""Vision-language models score text, images and both as the recorded official codes do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from swaprank import CapabilityError, Passage
from tests.conftest import golden
from tests.methods.multimodal import asked, check, image, reranker

pytestmark = [pytest.mark.torch]
pytest.importorskip("torch")
pytest.importorskip("PIL")

METHOD = "vision-yes-no"
PARTS = golden("vision-yes-no")["parts"]


@pytest.mark.parametrize("case", PARTS["mono-qwen2-vl"]["cases"], ids=lambda case: case["input"])
def test_mono_qwen2_vl(case) -> None:
    ranker = reranker(METHOD, "tiny-qwen2-vl-lm", protocol="mono-qwen2-vl", max_pixels=28224)
    if "official_raises" in case:
        assert len(set(ranker.rerank(*asked(case["input"])).scores)) == 4
    else:
        check(ranker, case["input"], case.get("scores_our_policy", case["scores_5_23"]))


@pytest.mark.parametrize(
    "case",
    [case for case in PARTS["qwen3-vl-reranker"]["cases"] if case.get("scores")],
    ids=lambda case: f"{case['input']} {case['max_pixels']} {case['max_length']} {bool(case['instruction'])}",
)
def test_qwen3_vl_reranker(case) -> None:
    if case["max_length"] < 64:
        pytest.skip("its code cuts the system message, and all passages score alike")
    instruction = {"instruction": case["instruction"]} if case["instruction"] else {}
    ranker = reranker(
        METHOD,
        "tiny-qwen3-vl-lm", protocol="qwen3-vl-reranker", max_pixels=case["max_pixels"],
        min_pixels=case["min_pixels"], **instruction,
    )  # fmt: skip
    check(ranker, case["input"], case.get("scores_our_policy", case["scores"]))


@pytest.mark.parametrize("case", PARTS["lychee-rerank-mm"]["cases"], ids=lambda case: case["input"])
def test_lychee_rerank_mm(case, monkeypatch) -> None:
    # In the tiny tokenizer neither word is one token, and the recording reads the first of each.
    from swaprank.methods import vision_yes_no

    protocol = vision_yes_no.PROTOCOLS["lychee-rerank-mm"]
    monkeypatch.setitem(vision_yes_no.PROTOCOLS, "lychee-rerank-mm", replace(protocol, single=False))
    check(reranker(METHOD, "tiny-qwen2-5-vl-lm", protocol="lychee-rerank-mm"), case["input"], case["scores"])


def test_an_unreadable_image_costs_only_itself() -> None:
    ranker = reranker(METHOD, "tiny-qwen2-vl-lm", protocol="mono-qwen2-vl", max_pixels=28224)
    page = image("page_harbour.png")
    passages = [
        Passage("", "lost", images=[image("truncated.jpg")]),
        Passage("The harbour project costs 3.2 million euros.", "text", images=[image("not_an_image.png")]),
        Passage("", "page", images=[page]),
    ]
    ranking = ranker.rerank("What does the harbour project cost?", passages)
    assert ranking.order[-1] == 0
    assert len(ranking.warnings) == 2 and "'lost'" in ranking.warnings[0] and "'text'" in ranking.warnings[1]
    alone = ranker.rerank("What does the harbour project cost?", [Passage("", images=[page])])
    assert alone.scores[0] == pytest.approx(ranking.scores[2], abs=1e-5)


def test_the_vision_tower_reads_each_image_once(monkeypatch) -> None:
    ranker = reranker(METHOD, "tiny-qwen2-vl-lm", protocol="mono-qwen2-vl", max_pixels=28224)
    from transformers.models.qwen2_vl.modeling_qwen2_vl import Qwen2VLModel

    read = []
    original = Qwen2VLModel.get_image_features
    monkeypatch.setattr(
        Qwen2VLModel,
        "get_image_features",
        lambda *args, **names: read.extend(names["image_grid_thw"]) or original(*args, **names),
    )
    pages = [Passage("", images=[image(name)]) for name in ("page_tea.png", "page_harbour.png", "page_tea.png")]
    ranker.rerank("tea", pages)
    ranker.rerank("harbour", pages)
    assert len(read) == 2


def test_a_model_that_reads_text_only_says_so() -> None:
    ranker = reranker(METHOD, "tiny-llama3-lm")
    with pytest.raises(CapabilityError, match="reads text only"):
        ranker.rerank("tea", [Passage("", images=[image("page_tea.png")]), Passage("tea")])
