"""INQUIRE's scorer: prompts and scores of the recorded official code."""

from __future__ import annotations

import pytest

from swaprank import Passage, Query
from swaprank.methods.inquire_rerank import InquireRerank
from swaprank.prompt import Chat, plain
from tests.conftest import golden
from tests.methods.multimodal import asked, check, reranker

pytest.importorskip("torch")
pytest.importorskip("PIL")
RECORDED = golden("inquire-rerank")
STYLES = {
    "llava-hf/llava-1.5-13b-hf": "llava-1.5",
    "llava-hf/llava-1.5-7b-hf": "llava-1.5",
    "openai-gpt4o20240806": "chat",
}


@pytest.mark.torch
@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: case["input"])
@pytest.mark.parametrize("temperature", [1, 0.5])
def test_the_official_scores(case, temperature) -> None:
    ranker = reranker("inquire-rerank", "tiny-llava-lm", prompt="llava-1.5", temperature=temperature)
    if "official_raises" in case:
        query, passages = asked(case["input"])
        assert len(ranker.rerank(query, passages).order) == len(passages)
        return
    expected = case.get("scores_our_policy") if temperature == 1 else None
    expected = expected or case[f"scores_temperature_{temperature}"]
    if None in expected or (temperature == 0.5 and case["input"] == "odd-images"):
        pytest.skip("the official code has no answer to some of these images, or another policy")
    check(ranker, case["input"], expected)


@pytest.mark.parametrize("case", RECORDED["prompt_cases"], ids=str)
def test_the_official_prompts(case) -> None:
    style = STYLES.get(case["family"])
    if style is None:
        pytest.skip("no backend here runs this family")
    prompt = InquireRerank(prompt=style)._prompt(Query(case["query"]), Passage("<image>"))
    assert (
        plain(prompt.messages[0].content if isinstance(prompt, Chat) else prompt).replace(
            "<image>", "<image>" if style == "llava-1.5" else ""
        )
        == case["prompt"]
    )
