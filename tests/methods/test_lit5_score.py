"""Parity of LiT5-Score with the official code on tiny weights: token ids, shares of attention, order; batches, windows."""

import hashlib
import json
import shutil

import pytest

from swaprank import Query, Reranker, ScoreKind
from swaprank.methods.lit5_score import LiT5Score
from swaprank.requests import AttendFused
from swaprank.testing import ScriptedBackend, arbitrary_response, check_reranker
from swaprank.types import Passage
from tests.conftest import MODELS, golden
from tests.methods.llm import BACKEND, INPUTS, case_id, requests, texts, tokens

RECORDED = golden("lit5-score")
T5 = MODELS / RECORDED["model"]
PLAIN = [case for case in RECORDED["cases"] if "eos_like" not in case]


def reranker(model=T5, **options) -> Reranker:
    backend = {**BACKEND, **options.pop("backend", {})}
    return Reranker(
        {"method": "lit5-score", "model": str(model), "backend": backend, "empty_passages": "score", **options}
    )


def own(case) -> dict:
    """The options of a case; officially the query has no limit of its own."""
    return {"max_length": case["max_length"], "query_max_length": case["max_length"]}


def weights(case, folder):
    """The model of a case: the tiny T5, or that with an end token that it writes early."""
    if "eos_like" not in case:
        return T5
    from safetensors.torch import load_file, save_file

    model = shutil.copytree(T5, folder / "model")
    tensors = load_file(T5 / "model.safetensors")
    token, factor = case["eos_like"]
    tensors["shared.weight"][1] = factor * tensors["shared.weight"][token]
    (model / "model.safetensors").unlink()
    save_file(tensors, model / "model.safetensors", metadata={"format": "pt"})
    return model


@pytest.mark.torch
@pytest.mark.parametrize("case", PLAIN, ids=case_id)
def test_token_ids(case) -> None:
    pytest.importorskip("transformers")
    from swaprank.backends.transformers.fusion_in_decoder.passage_encodings import encoded_prompt

    [asked] = requests(case, LiT5Score(**own(case)))
    read = tokens(RECORDED["model"])
    ids = [encoded_prompt(read, prompt, asked.max_length)[0] for prompt in asked.prompts]
    assert list(ids[0]) == case["first_ids"]
    assert [hashlib.sha256(json.dumps(list(one)).encode()).hexdigest() for one in ids] == case["passage_ids"]
    assert len(read.continuation(asked.opening)) == case["query_tokens"]


@pytest.mark.torch
@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: case_id(case) + "-ends" * ("eos_like" in case))
def test_shares_of_attention_and_order(case, tmp_path) -> None:
    pytest.importorskip("transformers")
    ranking = reranker(weights(case, tmp_path), **own(case)).rerank(INPUTS[case["input"]]["query"], texts(case))
    assert ranking.scores == pytest.approx(case["scores"], abs=1e-5)
    assert ranking.order == case["order"]
    assert ranking.score_kind is ScoreKind.OTHER


@pytest.mark.torch
def test_lists_that_are_decoded_together_are_those_decoded_alone() -> None:
    pytest.importorskip("transformers")
    queries = [(INPUTS[case["input"]]["query"], texts(case)) for case in PLAIN if case["max_length"] == 150]
    for batch_tokens in (64, 16_384):
        ranker = reranker(backend={"batch_tokens": batch_tokens})
        together = ranker.rerank_many(*zip(*queries, strict=True))
        for ranking, one in zip(together, queries, strict=True):
            alone = ranker.rerank(*one)
            assert ranking.order == alone.order
            assert ranking.scores == pytest.approx(alone.scores, abs=1e-5)


@pytest.mark.torch
def test_promises() -> None:
    pytest.importorskip("transformers")
    check_reranker(Reranker({"method": "lit5-score", "model": str(T5), "backend": BACKEND}))


def test_a_hundred_passages_are_one_window() -> None:
    backend = ScriptedBackend(arbitrary_response)
    Reranker({"method": "lit5-score", "model": "m"}, backend=backend).rerank("q", [f"text {n}" for n in range(130)])
    asked = [request for request in backend.requests if isinstance(request, AttendFused)]
    assert [len(request.prompts) for request in asked] == [100, 80]


def test_a_long_query_leaves_room_for_the_passage() -> None:
    [request] = next(LiT5Score().steps(Query("word " * 1000), [Passage("a"), Passage("b")]))
    assert request.opening[1].max_tokens == 75
