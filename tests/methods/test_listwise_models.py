"""Parity with tiny models: token counts, what is generated, log-probabilities of labels."""

from functools import cache

import pytest

from swaprank import Passage, Reranker
from swaprank.backends.transformers.backend import TransformersBackend
from swaprank.backends.transformers.options import TransformersOptions
from tests.conftest import MODELS, golden
from tests.methods.recorded import INPUTS, texts

pytestmark = pytest.mark.torch
pytest.importorskip("transformers")


@cache
def loaded(model: str):
    return TransformersBackend(str(MODELS / model), TransformersOptions(dtype="float32", device="cpu"))


def ranked(name: str, model: str, given=None, **options):
    reranker = Reranker({"model": model, "empty_passages": "score", **options}, backend=loaded(model))
    return reranker.rerank(INPUTS[name]["query"], given or texts(name))


DEAR = golden("dear-listwise")


@pytest.mark.parametrize("case", DEAR["cases"], ids=lambda case: case["input"])
def test_dear_card(case) -> None:
    """Fifty tokens as on the card; duplicates in its ranking come once in ours."""
    options = {"max_tokens": case["config"]["max_new_tokens"], "official_parser": True}
    ranking = ranked(case["input"], DEAR["model"], method="dear-listwise", **options)
    official = list(dict.fromkeys(case["official_ranking"]))
    missing = [index for index in range(len(ranking.order)) if index not in official]
    assert ranking.order == official + missing
    if case["order"] is not None:
        assert ranking.calls[0].input_tokens == case["prompt_tokens_before_truncation"]
    else:  # the official truncation loses the query, ours shortens the passages
        assert ranking.calls[0].input_tokens <= case["config"]["max_length"]
        assert ranking.calls[0].cut > 0


INSERTRANK = golden("insertrank")
SINGLE = [case for case in INSERTRANK["cases"] if len(case["raw"]) == 1]


@pytest.mark.parametrize("case", SINGLE, ids=lambda case: f"{case['input']}-{case['score_source']}-{case['scale']}")
def test_insertrank(case) -> None:
    [call] = case["raw"]
    given = [Passage(text, score=score) for text, score in zip(texts(case["input"]), case["input_scores"], strict=True)]
    options = {"score_source": "retrieval", "max_tokens": call["num_output_tokens"], "official_parser": True}
    ranking = ranked(case["input"], INSERTRANK["model"], given, method="insertrank", **options)
    [made] = ranking.calls
    if made.cut:  # officially by whole words, ours by tokens
        assert made.input_tokens <= case["context_size"]
        return
    assert made.input_tokens == call["prompt_tokens"]
    assert ranking.order == case["order"]


T5_LIMIT = 512
IELAB = [case for case in golden("ielab-listwise")["cases"] if case["calls"]]


@pytest.mark.parametrize("case", IELAB, ids=lambda case: f"{case['input']}-{case['config']['variant']}")
def test_ielab_listwise(case) -> None:
    config = case["config"]
    options = {key: config[key] for key in ("scoring", "window_size", "step", "passage_length", "query_length")}
    options["conversation"] = "t5" if config["variant"].startswith("t5") else "chat"
    ranking = ranked(case["input"], case["model"], method="ielab-listwise", official_parser=True, **options)
    first = ranking.calls[0]
    prompts = first.requests if config["scoring"] == "likelihood" else 1
    read = len(case["calls"][0]["prompt_ids"])
    if config["scoring"] == "generation" and read == T5_LIMIT < first.input_tokens:
        return  # officially the end of the prompt is cut off, and with it the instruction
    if config["scoring"] == "generation":
        assert first.input_tokens == read
    else:
        assert read < first.input_tokens / prompts <= read + 4
    if case["order"] is not None:
        assert len(ranking.calls) == case["number_of_calls"]
        assert ranking.order == case["order"]
