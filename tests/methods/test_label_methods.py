"""Parity of the methods that read next-token logits: token ids, logits, scores, order."""

import math

import pytest

from swaprank import ConfigError, Reranker, ScoreKind
from swaprank.methods import bge_llm_reranker, monot5, mxbai_rerank_v2, pointwise_qlm, pointwise_yes_no, qwen3_reranker
from swaprank.requests import LabelScores
from swaprank.testing import ScriptedBackend
from tests.conftest import golden
from tests.methods.llm import INPUTS, case_id, requests, rerank, same_ids, same_text, tokens

pytestmark = pytest.mark.torch
pytest.importorskip("transformers")

QWEN3 = golden("qwen3-reranker")
MXBAI = golden("mxbai-rerank-v2")
BGE = golden("bge-llm-reranker")
MONOT5 = golden("monot5")
YES_NO = golden("pointwise-yes-no")
QLM = golden("pointwise-qlm")


def assert_same_prompts(case, method, model) -> None:
    own = tokens(model)
    asked = requests(case, method)
    for request, recorded in zip(asked, case["prompts"], strict=True):
        assert same_ids(own.encode(request.prompt, getattr(request, "max_length", None)).ids, recorded)


def assert_same_order(ranking, case) -> None:
    """The recorded order; where recorded scores are equal, the given order."""
    assert ranking.order == sorted(case["order"], key=lambda index: (-case["scores"][index], index))


@pytest.mark.parametrize("case", QWEN3["cases"], ids=case_id)
def test_qwen3_reranker(case) -> None:
    options = {"max_length": case["max_length"], "instruction": case["instruction"]}
    assert_same_prompts(case, qwen3_reranker.METHOD(**options), QWEN3["model"])
    ranking = rerank(case, "qwen3-reranker", QWEN3["model"], **options)
    assert ranking.scores == pytest.approx(case["scores"], abs=5e-5)
    assert ranking.score_kind is ScoreKind.PROBABILITY
    assert_same_order(ranking, case)
    logits = rerank(case, "qwen3-reranker", QWEN3["model"], activation="identity", **options)
    recorded = [yes - no for yes, no in zip(case["raw"]["yes_logits"], case["raw"]["no_logits"], strict=True)]
    assert logits.scores == pytest.approx(recorded, abs=1e-4)


def test_qwen3_reranker_refuses_a_vocabulary_without_its_words() -> None:
    with pytest.raises(ConfigError, match="'yes' is 2 tokens"):
        rerank({"input": "happy"}, "qwen3-reranker", "tiny-qwen2-lm")


@pytest.mark.parametrize("case", MXBAI["cases"], ids=case_id)
def test_mxbai_rerank_v2(case) -> None:
    options = {"max_length": case["max_length"], "instruction": case["instruction"] or ""}
    own = tokens(case["model"])
    for request, recorded in zip(requests(case, mxbai_rerank_v2.METHOD(**options)), case["prompts"], strict=True):
        assert same_ids(own.encode(request.prompt, MXBAI["parameters"]["model_max_length"]).ids, recorded)
    ranking = rerank(case, "mxbai-rerank-v2", case["model"], **options)
    assert ranking.scores == pytest.approx(case["scores"], abs=MXBAI["tolerance"]["scores_abs"])
    assert ranking.score_kind is ScoreKind.LOGIT
    assert_same_order(ranking, case)


def test_mxbai_normalises_around_half_the_estimated_maximum() -> None:
    backend = ScriptedBackend(lambda _: LabelScores((-1.0, -5.5)))
    config = {"method": "mxbai-rerank-v2", "model": "any", "activation": "sigmoid", "estimated_max": 9.0}
    assert Reranker(config, backend=backend).rerank("q", ["p"]).scores == [0.5]


@pytest.mark.parametrize("case", BGE["cases"], ids=case_id)
def test_bge_llm_reranker(case) -> None:
    options = {"max_length": case["max_length"], **case["options"]}
    assert_same_prompts(case, bge_llm_reranker.METHOD(**options), BGE["model"])
    ranking = rerank(case, "bge-llm-reranker", BGE["model"], **options)
    assert ranking.scores == pytest.approx(case["raw"]["yes_logits"], abs=1e-4)
    assert_same_order(ranking, case)
    normalized = rerank(case, "bge-llm-reranker", BGE["model"], activation="sigmoid", **options)
    assert normalized.scores == pytest.approx(case["scores"], abs=5e-5)


@pytest.mark.parametrize("case", MONOT5["llm_rankers_cases"], ids=case_id)
def test_monot5(case) -> None:
    assert_same_prompts(case, monot5.METHOD(max_length=None), MONOT5["model"])
    ranking = rerank(case, "monot5", MONOT5["model"], max_length=None)
    assert ranking.scores == pytest.approx(case["scores"], abs=5e-5)
    assert_same_order(ranking, case)


@pytest.mark.parametrize("case", MONOT5["cases"], ids=case_id)
def test_monot5_of_rank_llm(case) -> None:
    options = {"protocol": "rank_llm", "max_length": case["context_size"]}
    own = tokens(MONOT5["model"])
    asked = requests(case, monot5.METHOD(**options))
    assert [own.encode(request.prompt, request.max_length).ids for request in asked] == case["prompts"]
    ranking = rerank(case, "monot5", MONOT5["model"], **options)
    assert ranking.scores == pytest.approx(case["scores"], abs=5e-5)
    assert_same_order(ranking, case)


def test_monot5_cuts_the_document_only() -> None:
    [request] = requests({"input": "happy"}, monot5.METHOD(max_length=80))[:1]
    long = [
        part if isinstance(part, str) or not part.shrinks else type(part)("word " * 500, shrinks=True)
        for part in request.prompt
    ]
    own = tokens(MONOT5["model"])
    encoded = own.encode(tuple(long), 80)
    assert len(encoded.ids) <= 80
    assert encoded.cut == 1
    whole = own.decode(encoded.ids)
    assert whole.startswith("Query: I am happy Document: word")
    assert whole.endswith("Relevant:")


@pytest.mark.parametrize("case", YES_NO["cases"], ids=case_id)
def test_pointwise_yes_no(case) -> None:
    assert_same_prompts(case, pointwise_yes_no.METHOD(), YES_NO["model"])
    ranking = rerank(case, "pointwise-yes-no", YES_NO["model"])
    assert ranking.scores == pytest.approx(case["scores"], abs=5e-5)
    assert_same_order(ranking, case)


@pytest.mark.parametrize("case", YES_NO["truncate_cases"], ids=lambda case: f"{case['document']}-{case['length']}")
def test_truncation_is_that_of_the_official_command_line(case) -> None:
    document = next(one for one in INPUTS[case["input"]]["documents"] if one["id"] == case["document"])
    [request] = requests({"input": case["input"]}, pointwise_yes_no.METHOD(passage_max_length=case["length"]))[:1]
    slot = next(part for part in request.prompt if not isinstance(part, str))
    own = tokens(YES_NO["model"])
    cut = own.encode((type(slot)(document["text"], max_tokens=case["length"]),)).ids
    assert cut == own.encode(case["text"]).ids


@pytest.mark.parametrize("case", QLM["cases"], ids=case_id)
def test_query_likelihood(case) -> None:
    assert_same_prompts(case, pointwise_qlm.METHOD(), QLM["model"])
    [request, *_] = requests(case, pointwise_qlm.METHOD())
    assert tokens(QLM["model"]).continuation(request.continuation) == case["label_ids"]
    ranking = rerank(case, "pointwise-qlm", QLM["model"])
    assert ranking.scores == pytest.approx(case["scores"], abs=2e-3, rel=1e-5)
    assert_same_order(ranking, case)


def test_length_normalised_query_likelihood_is_the_mean() -> None:
    case = next(case for case in QLM["cases"] if case["input"] == "happy")
    mean = rerank(case, "pointwise-qlm", QLM["model"], length_normalize=True)
    recorded = [score / len(case["label_ids"]) for score in case["scores"]]
    assert mean.scores == pytest.approx(recorded, abs=2e-3)


def test_zero_shot_is_the_expected_value_of_the_labels() -> None:
    chances = {"good": math.log(0.3), "fair": math.log(0.1), "bad": math.log(0.1)}

    def answer(request):
        assert tuple(chances) == request.labels
        return LabelScores(tuple(chances.values()))

    config = {
        "method": "zero-shot",
        "model": "any",
        "prompt": "{document} and {query}",
        "labels": {"good": 2.0, "fair": 1.0, "bad": 0.0},
    }
    ranking = Reranker(config, backend=ScriptedBackend(answer)).rerank("q", ["p"])
    assert ranking.scores == pytest.approx([(0.3 * 2 + 0.1) / 0.5])


def test_prompt_text_of_qwen3_is_the_recorded_one() -> None:
    for case in QWEN3["cases"]:
        if case["max_length"] < 8192:
            continue
        for request, recorded in zip(
            requests(case, qwen3_reranker.METHOD(instruction=case["instruction"])), case["prompt_texts"], strict=True
        ):
            prefix, body, suffix = request.prompt.parts
            whole = prefix + "".join(part if isinstance(part, str) else part.text for part in body.parts[0]) + suffix
            assert same_text(whole, recorded)


def test_the_instruction_of_a_query_goes_before_the_configs() -> None:
    from swaprank import Query

    for method in ("qwen3-reranker", "mxbai-rerank-v2", "zero-shot"):
        backend = ScriptedBackend(lambda request: LabelScores((-1.0,) * len(request.labels)))
        reranker = Reranker({"method": method, "model": "any", "instruction": "CONFIGURED"}, backend=backend)
        reranker.rerank("q", ["p"])
        reranker.rerank(Query("q", instruction="PER QUERY"), ["p"])
        first, second = (repr(request.prompt) for request in backend.requests)
        assert "CONFIGURED" in first
        assert "PER QUERY" in second
        assert "CONFIGURED" not in second
