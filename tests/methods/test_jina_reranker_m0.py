"""jina-reranker-m0: scores of the recorded official code."""

from __future__ import annotations

import pytest

from swaprank import ConfigError
from tests.conftest import golden
from tests.methods.multimodal import INPUTS, asked, check, reranker

pytestmark = [pytest.mark.torch]
pytest.importorskip("torch")
pytest.importorskip("PIL")

RECORDED = golden("vision-yes-no")["parts"]["jina-reranker-m0"]
# The official code reads control tokens of texts, and one case has documents of its own.
CASES = [case for case in RECORDED["cases"] if "control_tokens" not in case and "max_length" not in case]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["input"])
def test_the_official_scores(case) -> None:
    ranker = reranker("jina-reranker-m0", "tiny-jina-m0", activation="identity")
    recorded = [score - 2.65 for score in case.get("raw_scores_our_policy", case["raw_scores"])]
    if "documents" not in case:
        check(ranker, case["input"], recorded)
        return
    query, passages = asked(case["input"])
    names = [document["image"] for document in INPUTS[case["input"]]["documents"]]
    scores = ranker.rerank(query, passages).scores
    for name, expected in zip(case["documents"], recorded, strict=True):
        if name != "sixteen_bit.png":
            assert scores[names.index(name)] == pytest.approx(expected, abs=1e-4)


def test_a_model_without_the_head_is_refused() -> None:
    ranker = reranker("jina-reranker-m0", "tiny-qwen2-vl-lm")
    with pytest.raises(ConfigError, match="no head"):
        ranker.rerank(*asked("text-only"))
