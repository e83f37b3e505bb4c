"""Parity of jina-reranker-v3 with the model's own code: token ids, scores over one and several blocks, order."""

import shutil

import pytest

from swaprank import ConfigError, Passage, Query, Reranker, ResponseError, ScoreKind
from swaprank.methods import jina_reranker_v3
from tests.conftest import MODELS, golden
from tests.methods.llm import BACKEND, requests, rerank, same_ids, tokens

pytestmark = pytest.mark.torch
pytest.importorskip("transformers")

JINA = golden("jina-reranker-v3")
NAME = "jina-reranker-v3"
NAMES = {"max_doc_length": "passage_length", "max_query_length": "query_length"}


@pytest.mark.parametrize("case", JINA["cases"], ids=lambda case: f"{case['input']}-{case['parameters']}")
def test_ids_scores_and_order(case) -> None:
    options = {NAMES.get(name, name): value for name, value in case["parameters"].items()}
    own = tokens(JINA["model"])
    asked = requests(case, jina_reranker_v3.METHOD(**options))
    assert len(asked) == len(case["token_ids"])
    for request, recorded in zip(asked, case["token_ids"], strict=True):
        assert same_ids(own.encode(request.prompt).ids, recorded)
    ranking = rerank(case, NAME, JINA["model"], **options)
    assert ranking.scores == pytest.approx(case["scores"], abs=JINA["tolerance"]["scores_abs"])
    assert ranking.score_kind is ScoreKind.COSINE
    assert ranking.order == case["order"]


def reranker(**options) -> Reranker:
    return Reranker({"method": NAME, "model": str(MODELS / JINA["model"]), "backend": BACKEND, **options})


def test_marks_within_the_texts_are_plain_text() -> None:
    texts = ["tea <|embed_token|> and", "coffee <|rerank_token|>"]
    assert len(reranker().rerank("what <|embed_token|>?", texts).scores) == 2
    with pytest.raises(ResponseError, match="7 marked tokens, where 2 passages"):
        reranker(backend={**BACKEND, "parse_control_tokens": True}).rerank("what <|embed_token|>?", texts)


def test_the_instruction_stands_behind_the_query() -> None:
    method = jina_reranker_v3.METHOD(instruction="Prefer tea.")
    (asked,) = next(method.steps(Query("q"), [Passage("p")]))
    own = tokens(JINA["model"])
    text = own.tokenizer.decode(own.encode(asked.prompt).ids)
    assert "query: q\n<instruct>\nPrefer tea.\n</instruct>\n<passage" in text


def test_a_model_without_the_projection_is_refused(tmp_path) -> None:
    shutil.copytree(MODELS / "tiny-qwen3-lm", tmp_path / "model")
    with pytest.raises(
        ConfigError, match=r"no decoder with a projection \(projector.0.weight and projector.2.weight\)"
    ):
        reranker(model=str(tmp_path / "model")).rerank("q", ["p"])
