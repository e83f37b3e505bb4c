"""MM-R5: prompts, replies and parsed orders of the recorded official code."""

from __future__ import annotations

import pytest

from swaprank import Passage, Query, Reranker
from swaprank.methods.mm_r5 import MmR5
from swaprank.requests import Generated
from swaprank.testing import ScriptedBackend
from tests.conftest import golden
from tests.methods.multimodal import answered, asked, image

pytest.importorskip("torch")
pytest.importorskip("PIL")
RECORDED = golden("mm-r5")


@pytest.mark.torch
@pytest.mark.parametrize(
    "case", [case for case in RECORDED["cases"] if "greedy" in case and case["input"] != "odd-images"],
    ids=lambda case: case["input"],
)  # fmt: skip
def test_replies_of_the_model(case) -> None:
    query, passages = asked(case["input"])
    method = MmR5(max_pixels=28224, max_tokens=16)
    if len(passages) == 1:
        pytest.skip("a window of one is not asked about")
    [request] = next(method.steps(query, passages))
    reply = answered("tiny-qwen2-5-vl-lm", request)
    assert case["greedy"]["smallest_margin"] <= 1e-3 or reply.text == case["greedy"]["text"]
    assert reply.usage.input_tokens == case["token_ids"]["count"]


@pytest.mark.parametrize("case", RECORDED["parser_cases"], ids=lambda case: case["raw"][:40])
def test_the_official_parser(case) -> None:
    found = MmR5(official_parser=True).read(case["raw"], case["n"])
    assert found.order == list(dict.fromkeys(case["permutation"]))


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("<think>perhaps <answer>[4]</answer></think><answer>[2,1]</answer>", [1, 0, 2, 3]),
        ("<answer>\n[3,\n1]\n</answer>", [2, 0, 1, 3]),
        ("<answer>[Image 3, Image 1]</answer>", [2, 0, 1, 3]),
        ("<answer>[2,3,4,1]</answer> trailing <answer>", [1, 2, 3, 0]),
        ("no answer 4 3 2 1", [0, 1, 2, 3]),
    ],
)
def test_our_parser(text, order) -> None:
    assert MmR5().read(text, 4).order == order


def test_an_unreadable_page_is_shown_by_its_text() -> None:
    backend = ScriptedBackend(lambda request: Generated("<think>the second</think><answer>[2, 1]</answer>"))
    pages = [Passage("", "lost", images=[image("truncated.jpg")]), Passage("", images=[image("page_tea.png")])]
    ranking = Reranker({"method": "mm-r5", "model": "scripted"}, backend=backend).rerank(Query("tea"), pages)
    assert ranking.order == [1, 0]
    assert "'lost'" in ranking.warnings[0]
