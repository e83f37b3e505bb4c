"""Parity of LiT5-Distill with its official network, prompts and parser on tiny weights; windows, cuts and batches."""

import hashlib
import json

import pytest

from swaprank import ConfigError, Query, Reranker
from swaprank.methods.lit5 import LiT5
from swaprank.requests import Generated, GenerateFused
from swaprank.testing import ScriptedBackend, check_reranker
from swaprank.types import Passage
from tests.conftest import MODELS, golden
from tests.methods.llm import BACKEND, INPUTS, case_id, requests, texts, tokens

LIT5 = golden("lit5")
T5 = MODELS / LIT5["model"]


def reranker(**options) -> Reranker:
    backend = {**BACKEND, **options.pop("backend", {})}
    return Reranker({"method": "lit5", "model": str(T5), "backend": backend, "empty_passages": "score", **options})


def own(case) -> dict:
    """The options of a case; officially the query has no limit of its own."""
    return {"max_length": case["max_length"], "query_max_length": case["max_length"]}


@pytest.mark.torch
@pytest.mark.parametrize("case", LIT5["cases"], ids=case_id)
def test_prompts_and_token_ids(case) -> None:
    pytest.importorskip("transformers")
    from swaprank.backends.transformers.fusion_in_decoder.passage_encodings import encoded_prompt

    [asked] = requests(case, LiT5(**own(case)))
    assert asked.max_tokens == case["max_output_tokens"] + 1  # officially the start token counts
    ids = [encoded_prompt(tokens(LIT5["model"]), prompt, asked.max_length)[0] for prompt in asked.prompts]
    assert list(ids[0]) == case["first_ids"]
    assert [hashlib.sha256(json.dumps(list(one)).encode()).hexdigest() for one in ids] == case["passage_ids"]


@pytest.mark.torch
@pytest.mark.parametrize("case", LIT5["cases"], ids=case_id)
def test_what_is_written_and_the_order(case) -> None:
    pytest.importorskip("transformers")
    from swaprank.backends.transformers import BACKEND as TRANSFORMERS

    options = {name: value for name, value in BACKEND.items() if name != "type"}
    backend = TRANSFORMERS(str(T5), TRANSFORMERS.Options(**options))
    [asked] = requests(case, LiT5(**own(case), max_tokens=case["max_output_tokens"]))
    [reply] = backend.run([asked])
    assert isinstance(reply, Generated)
    assert reply.text.strip() == case["output"].strip()
    assert reply.usage.input_tokens == sum(case["lengths"])
    ranking = reranker(**own(case), max_tokens=case["max_output_tokens"]).rerank(
        INPUTS[case["input"]]["query"], texts(case)
    )
    assert ranking.order == case["permutation"]


@pytest.mark.torch
def test_windows_that_are_decoded_together_are_those_decoded_alone() -> None:
    pytest.importorskip("transformers")
    cases = [case for case in LIT5["cases"] if case["max_length"] == 48]
    queries = [(INPUTS[case["input"]]["query"], texts(case)) for case in cases]
    for batch_tokens in (64, 16_384):
        ranker = reranker(**own(cases[0]), backend={"batch_tokens": batch_tokens})
        together = ranker.rerank_many(*zip(*queries, strict=True))
        assert [ranking.order for ranking in together] == [ranker.rerank(*one).order for one in queries]


@pytest.mark.torch
def test_promises() -> None:
    pytest.importorskip("transformers")
    check_reranker(Reranker({"method": "lit5", "model": str(T5), "backend": BACKEND}))


def test_replies_are_repaired() -> None:
    backend = ScriptedBackend(lambda request: Generated("[3] > [1] > [3] > [9]"))
    ranking = Reranker({"method": "lit5", "model": "m"}, backend=backend).rerank("q", ["a", "b", "c", "d"])
    assert (ranking.order, ranking.repairs) == ([2, 0, 1, 3], 4)


def test_windows_of_twenty_by_steps_of_ten() -> None:
    backend = ScriptedBackend(lambda request: Generated(""))
    Reranker({"method": "lit5", "model": "m"}, backend=backend).rerank("q", [f"text {n}" for n in range(30)])
    asked = [request for request in backend.requests if isinstance(request, GenerateFused)]
    assert [len(request.prompts) for request in asked] == [20, 20]


def test_a_long_query_leaves_room_for_the_passage() -> None:
    steps = LiT5().steps(Query("word " * 1000), [Passage("a"), Passage("b")])
    [request] = next(steps)
    assert request.prompts[0][1].max_tokens == 75


def test_other_backends_are_refused() -> None:
    with pytest.raises(ConfigError, match="fused_text"):
        Reranker({"method": "lit5", "model": "m", "backend": "vllm"})
