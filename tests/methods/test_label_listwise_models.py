"""Parity of FIRST's and setwise's log-probabilities with tiny models, and prompts that are too long for them."""

from functools import cache

import pytest

from swaprank import Reranker
from swaprank.backends.transformers.backend import TransformersBackend
from swaprank.backends.transformers.options import TransformersOptions
from swaprank.requests import Generate, Generated
from swaprank.testing import ScriptedBackend
from tests.conftest import MODELS, golden
from tests.methods.recorded import INPUTS, texts

pytestmark = pytest.mark.torch
pytest.importorskip("transformers")

FIRST, SETWISE = golden("first"), golden("setwise")


@cache
def loaded(model: str, context: int | None = None):
    return TransformersBackend(
        str(MODELS / model), TransformersOptions(dtype="float32", device="cpu", max_model_len=context)
    )


def ranked(name: str, model: str, given, context: int | None = None, **options):
    config = {"model": model, "empty_passages": "score", **options}
    return Reranker(config, backend=loaded(model, context)).rerank(INPUTS[name]["query"], given)


@pytest.mark.parametrize("case", FIRST["cases"], ids=lambda case: case["input"])
def test_first(case) -> None:
    """Every token that decodes to a letter counts, the second beginning of sequence included in the prompt."""
    [call] = case["calls"]
    ranking = ranked(case["input"], FIRST["model"], texts(case["input"]), method="first")
    assert ranking.calls[0].input_tokens == call["token_count"]
    assert ranking.scores == pytest.approx(
        list(call["identifier_logprobs"].values()), abs=FIRST["tolerance"]["logprob"]
    )
    if len(set(call["identifier_logprobs"]) - set(call["official_top120"])) == 0:
        assert ranking.order == case["order"]


@pytest.mark.parametrize("case", SETWISE["prompt_cases"], ids=lambda case: case["input"])
def test_setwise_likelihood(case) -> None:
    given = [text[: case["passage_characters"]] for text in texts(case["input"])[: len(case["passages"])]]
    options = {"scoring": "likelihood", "strategy": "all-at-once"}
    ranking = ranked(case["input"], SETWISE["model"], given, method="setwise", **options)
    recorded = [label["logprob"] for label in case["raw"]["label_logprobs_with_leading_space"].values()]
    assert ranking.scores == pytest.approx(recorded, abs=SETWISE["tolerance"]["logprob"])
    assert ranking.calls[0].input_tokens == len(case["token_ids"])


def test_passages_are_cut_and_windows_shrink_to_the_context() -> None:
    given = [f"{text} {place}" for place, text in enumerate(texts("edge") * 3)]
    cut = ranked("edge", "tiny-llama3-lm", given, 512, method="dear-listwise", max_tokens=50)
    assert len(cut.calls) == 1
    assert cut.calls[0].cut > 0
    assert cut.calls[0].input_tokens <= 512
    shrunk = ranked("edge", "tiny-llama3-lm", given, 256, method="dear-listwise", max_tokens=50)
    assert len(shrunk.calls) > 1
    assert sorted(shrunk.order) == list(range(len(given)))
    assert all(call.input_tokens <= 256 for call in shrunk.calls)


def test_t5_goes_on_from_passage() -> None:
    """As transformers' own generate does from the decoder ids of `<pad> Passage`, beside prompts without a beginning."""
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(MODELS / "tiny-t5")
    network = AutoModelForSeq2SeqLM.from_pretrained(MODELS / "tiny-t5", dtype=torch.float32)
    start = tokenizer("<pad> Passage", add_special_tokens=False, return_tensors="pt").input_ids
    prompts = [f"Which passage answers {INPUTS[name]['query']}?" for name in ("edison", "happy", "arabic")]
    requests = [Generate(prompt, 4, start=begun) for prompt in prompts for begun in ("", "Passage")]
    answers = loaded("tiny-t5").run(requests)
    for request, answer in zip(requests, answers, strict=True):
        read = tokenizer(request.prompt, return_tensors="pt").input_ids
        begun = start if request.start else start[:, :1]
        written = network.generate(read, decoder_input_ids=begun, max_new_tokens=4, do_sample=False, num_beams=1)
        assert answer.text.strip() == tokenizer.decode(written[0, begun.shape[1] :], skip_special_tokens=True).strip()
    assert answers[0].text != answers[1].text


def test_setwise_and_pairwise_begin_t5s_answer() -> None:
    for method in ("setwise", "pairwise"):
        backend = ScriptedBackend(lambda request: Generated("B"))
        config = {"method": method, "model": "m", "conversation": "t5", "scoring": "generation"}
        ranking = Reranker(config, backend=backend).rerank("query", ["a", "b"])
        assert {(request.start, request.max_tokens) for request in backend.requests} == {("Passage", 2)}
        assert ranking.order == ([1, 0] if method == "setwise" else [0, 1])
