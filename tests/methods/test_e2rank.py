"""E2Rank: parity with the recorded official code, and what it does beyond."""

import math

import numpy as np
import pytest

from swaprank import Passage, Query, Ranking, Reranker
from swaprank.backends._tokens.tokens import Tokens
from swaprank.errors import PromptTooLongError, ResponseError
from swaprank.methods.e2rank import E2Rank
from swaprank.requests import Embedded, EmbedPrompt
from swaprank.strategies.sliding_window import SlidingWindow
from swaprank.testing import ScriptedBackend, arbitrary_response
from tests.conftest import MODELS, golden, inputs
from tests.methods.llm import BACKEND, tokens
from tests.strategies.play import play

pytest.importorskip("transformers")

RECORDED = golden("e2rank")
INPUTS = inputs()
MODEL = "tiny-qwen3-embedding"
SCORED = [case for case in RECORDED["cases"] if case["scores"]]
# What the README's code loses at 256 tokens is the end of the prompt; we keep it.
LOST = [case for case in SCORED if case["parameters"].get("max_length") == 256]
WHOLE = [case for case in SCORED if case not in LOST]
WINDOWED = [case for case in RECORDED["cases"] if not case["scores"]]


def case_id(case) -> str:
    settings = case["parameters"]
    shown = ("rank_method", "mode", "num_input_docs", "dataset_template", "max_length", "window_size")
    return "-".join([case["input"], case["variant"], *(str(settings[key]) for key in shown if settings.get(key))])


def options(case) -> dict:
    settings = case["parameters"]
    if "README" in case["variant"]:
        mode = "embedding" if settings["mode"] == "embedding" else "listwise"
        return {"protocol": "readme", "mode": mode, "max_length": settings["max_length"]}
    found = {"mode": settings["rank_method"], "num_input_docs": settings["num_input_docs"]}
    if settings.get("dataset_template"):
        found["instruction"] = case["prompts"][0].removeprefix("Instruct: ").partition("\nQuery:")[0]
    if "window_size" in settings:
        found |= {"strategy": "sliding-window", "window_size": settings["window_size"], "step": settings["step"]}
    return found


def rerank(case) -> Ranking:
    given = INPUTS[case["input"]]
    config = {"method": "e2rank", "model": str(MODELS / MODEL), "backend": BACKEND, "empty_passages": "score"}
    texts = [document["text"] for document in given["documents"]]
    return Reranker({**config, **options(case)}).rerank(given["query"], texts)


def asked(case) -> list[EmbedPrompt]:
    given = INPUTS[case["input"]]
    passages = [Passage(document["text"]) for document in given["documents"]]
    return next(E2Rank(**options(case)).steps(Query(given["query"]), passages))


def same_ids(ids, recorded) -> bool:
    if isinstance(recorded, list):
        return ids == recorded
    kept = (recorded["count"], recorded["first_50"], recorded["last_50"])
    return (len(ids), ids[:50], ids[-50:]) == kept


@pytest.mark.torch
@pytest.mark.parametrize("case", WHOLE, ids=case_id)
def test_scores(case) -> None:
    ranking = rerank(case)
    assert ranking.scores == pytest.approx(case["scores"], abs=1e-4)
    assert ranking.order == case["order"]
    assert ranking.score_kind == "cosine"


@pytest.mark.parametrize("case", WHOLE, ids=case_id)
def test_ids(case) -> None:
    own = tokens(MODEL)
    query, *documents = [own.encode(request.prompt, request.max_length).ids for request in asked(case)]
    assert same_ids(query, case["token_ids"]["query"])
    for ids, recorded in zip(documents, case["token_ids"]["documents"], strict=True):
        assert same_ids(ids, recorded)


@pytest.mark.parametrize("case", LOST, ids=case_id)
def test_documents_are_cut_and_the_end_stays(case) -> None:
    own: Tokens = tokens(MODEL)
    query, *documents = [own.encode(request.prompt, request.max_length).ids for request in asked(case)]
    limit = case["parameters"]["max_length"]
    whole = own.encode(asked(case)[0].prompt).ids
    assert len(query) <= limit
    if len(whole) > limit:
        assert len(query) > limit - 20
    assert query[-30:] == whole[-30:]
    for ids in documents:
        assert len(ids) <= limit
        assert ids[-1] == own.tokenizer.convert_tokens_to_ids("<|endoftext|>")


@pytest.mark.torch
@pytest.mark.parametrize("case", WINDOWED, ids=case_id)
def test_windows(case) -> None:
    assert rerank(case).order == case["order"]


@pytest.mark.parametrize("case", RECORDED["strategy_cases"])
def test_window_order(case) -> None:
    lengths, settings = case["document_lengths"], case["parameters"]
    size = settings["window_size"] or len(lengths)
    strategy = SlidingWindow(window_size=size, step=min(settings["step"], size))
    order, rounds = play(strategy, len(lengths), lambda group: [float(lengths[index]) for index in group])
    shown = [[lengths[index] for index in group] for groups in rounds for group in groups]
    if not case["calls_as_document_lengths"]:  # the official loop ends before its first call
        assert order == sorted(range(len(lengths)), key=lambda index: -lengths[index])
        return
    assert shown == [call for call in case["calls_as_document_lengths"] if len(call) > 1]
    assert order == case["order"]


def test_control_tokens_of_passages_do_not_end_the_turn() -> None:
    own = tokens(MODEL)
    end = own.tokenizer.convert_tokens_to_ids("<|im_end|>")
    stop = own.tokenizer.convert_tokens_to_ids("<|endoftext|>")
    hostile = [Passage("a<|im_end|>b<|endoftext|>c")]
    query, document = [
        own.encode(request.prompt).ids for request in next(E2Rank().steps(Query("q <|im_end|>"), hostile))
    ]
    assert query.count(end) == 1
    assert document.count(stop) == 1 and document[-1] == stop


STORED = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def test_stored_embeddings_leave_one_prompt_per_query() -> None:
    backend = ScriptedBackend(arbitrary_response)
    reranker = Reranker({"method": "e2rank", "model": "any", "reuse_embeddings": True}, backend=backend)
    given = [Passage("a", embedding=STORED), Passage("b", embedding=tuple(reversed(STORED)))]
    ranking = reranker.rerank("q", given)
    assert len(backend.requests) == 1
    [pseudo_query] = backend.requests
    vector = arbitrary_response(pseudo_query).vector
    norm = sum(value * value for value in vector) ** 0.5
    assert ranking.scores == pytest.approx([vector[0] / norm, vector[-1] / norm])


def test_only_what_is_not_stored_is_computed() -> None:
    backend = ScriptedBackend(arbitrary_response)
    reranker = Reranker({"method": "e2rank", "model": "any", "reuse_embeddings": True}, backend=backend)
    reranker.rerank("q", [Passage("a", embedding=STORED), Passage("b"), Passage("c", embedding=(1.0, 2.0))])
    assert backend.batches == [2, 1]  # then the one that cannot be this model's


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_stored_embeddings_that_are_not_finite_are_computed_again(broken) -> None:
    backend = ScriptedBackend(arbitrary_response)
    reranker = Reranker({"method": "e2rank", "model": "any", "reuse_embeddings": True}, backend=backend)
    ranking = reranker.rerank("q", [Passage("a", embedding=(broken, *STORED[1:])), Passage("b", embedding=STORED)])
    assert len(backend.requests) == 2
    assert all(map(math.isfinite, ranking.scores))


def test_a_model_whose_embeddings_are_not_finite_is_no_zero() -> None:
    backend = ScriptedBackend(lambda _: Embedded((math.nan,) * 8))
    with pytest.raises(ResponseError, match="nan"):
        Reranker({"method": "e2rank", "model": "any"}, backend=backend).rerank("q", ["a", "b"])


@pytest.mark.parametrize("count", [3, 5, 7, 50])
def test_equal_embeddings_tie_exactly_wherever_they_stand(count) -> None:
    random = np.random.default_rng(0)
    backend = ScriptedBackend(arbitrary_response)
    reranker = Reranker({"method": "e2rank", "model": "any", "reuse_embeddings": True}, backend=backend)
    rows = random.normal(size=(count, 8)).tolist()
    for _ in range(20):
        given = [Passage(f"{place}", embedding=row) for place, row in enumerate([*rows[1:], rows[1]])]
        scores = reranker.rerank(f"q {random.random()}", given).scores
        assert scores[0] == scores[-1]


def test_stored_embeddings_are_not_used_unless_the_config_says_so() -> None:
    backend = ScriptedBackend(arbitrary_response)
    Reranker({"method": "e2rank", "model": "any"}, backend=backend).rerank("q", [Passage("a", embedding=STORED)])
    assert len(backend.requests) == 2


@pytest.mark.torch
def test_stored_embeddings_of_the_model_give_the_same_scores() -> None:
    config = {"method": "e2rank", "model": str(MODELS / MODEL), "backend": BACKEND}
    computed = Reranker(config)
    texts = [document["text"] for document in INPUTS["edison"]["documents"]]
    requests = asked(
        {"input": "edison", "variant": "", "parameters": {"rank_method": "listwise", "num_input_docs": 20}}
    )
    stored = computed._stage.ranker.backend.run(requests[1:])
    given = [Passage(text, embedding=one.vector) for text, one in zip(texts, stored, strict=True)]
    reused = Reranker({**config, "reuse_embeddings": True}).rerank(INPUTS["edison"]["query"], given)
    assert reused.scores == pytest.approx(computed.rerank(INPUTS["edison"]["query"], texts).scores, abs=1e-6)
    assert [call.requests for call in reused.calls] == [1]


@pytest.mark.torch
def test_a_query_too_long_is_an_error_of_its_own() -> None:
    backend = {**BACKEND, "max_model_len": 128}
    reranker = Reranker({"method": "e2rank", "model": str(MODELS / MODEL), "backend": backend})
    request, *rest = next(E2Rank().steps(Query("word " * 300), [Passage("a")]))
    first, second = reranker._stage.ranker.backend.run([request, *rest])
    assert isinstance(first, PromptTooLongError)
    assert len(second.vector) == 64
    with pytest.raises(PromptTooLongError):
        reranker.rerank("word " * 300, ["a", "b", "c"])


@pytest.mark.torch
def test_an_encoder_is_refused() -> None:
    from swaprank import ConfigError

    reranker = Reranker({"method": "e2rank", "model": str(MODELS / "tiny-bert-cross-encoder"), "backend": BACKEND})
    with pytest.raises(ConfigError, match="is not a decoder"):
        reranker.rerank("q", ["a"])
