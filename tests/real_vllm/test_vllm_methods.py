"""The recordings of the official codes, replayed on vLLM: the tests of the transformers backend, on another engine.

What the recordings have no decoder for is compared with the transformers backend.
"""

from functools import partial

import pytest

from swaprank import Reranker
from tests.methods import llm
from tests.methods import test_generative_methods as generative
from tests.methods import test_label_listwise_models as label_listwise
from tests.methods import test_label_methods as labels
from tests.methods import test_listwise_models as listwise
from tests.real_vllm.conftest import Widened, transformers, vllm
from tests.real_vllm.widened import sentence_model, widened

REPLAYED = [
    (generative, generative.TestDear.test_simple_rerank),
    (generative, generative.TestDear.test_inference),
    (generative, generative.TestERank.test_generation),
    (generative, generative.TestJudgeRank.test_three_steps),
    (generative, generative.TestRank1.test_generation_and_forcing),
    (labels, labels.test_bge_llm_reranker),
    (labels, labels.test_mxbai_rerank_v2),
    (labels, labels.test_qwen3_reranker),
    (label_listwise, label_listwise.test_first),
    (label_listwise, label_listwise.test_setwise_likelihood),
    (listwise, listwise.test_dear_card),
    (listwise, listwise.test_ielab_listwise),
    (listwise, listwise.test_insertrank),
]
# vLLM runs no T5 and takes no classification head from an adapter.
NOT_SERVED = ("t5", "lora")


def replays():
    for module, test in REPLAYED:
        [cases] = [mark.args[1] for mark in test.pytestmark if mark.name == "parametrize"]
        for number, case in enumerate(cases):
            if not any(kind in str(case.get("model")) for kind in NOT_SERVED):
                yield pytest.param(module, test, case, id=f"{test.__qualname__}-{number}")


@pytest.mark.parametrize(("module", "test", "case"), list(replays()))
def test_recordings(module, test, case, monkeypatch) -> None:
    def loaded(model, context=None, **options):
        return vllm(widened(model), **({"max_model_len": context} if context else {}), **options)

    def reranker(config):
        own = {key: config["backend"][key] for key in config["backend"] if key not in llm.BACKEND}
        if test is labels.test_bge_llm_reranker:  # ranks by raw logits
            own["logits"] = True
        if test is labels.test_mxbai_rerank_v2:  # vLLM wants room for a token after a prompt of full length
            own["max_model_len"] = labels.MXBAI["parameters"]["model_max_length"] + 1
        return Reranker(config, backend=vllm(config["model"], **own))

    monkeypatch.setattr(llm, "Reranker", reranker)
    monkeypatch.setattr(llm, "MODELS", Widened())
    for name in {"loaded", "local"} & vars(module).keys():
        monkeypatch.setattr(module, name, loaded)
    if module is generative:
        monkeypatch.setattr(module, "MODELS", Widened())
        owner = vars(generative)[test.__qualname__.partition(".")[0]]
        test = partial(test, owner())
    test(case)


CHAT = "tiny-llama3-lm"
COMPARED = [
    (CHAT, {"method": "pointwise-yes-no"}),
    (CHAT, {"method": "pointwise-qlm"}),
    (CHAT, {"method": "zero-shot", "labels": {"yes": 1.0, "no": 0.0}, "prompt": "Is {passage} about {query}?"}),
    (CHAT, {"method": "setwise"}),
    (CHAT, {"method": "pairwise"}),
    (CHAT, {"method": "rankgpt", "window_size": 3, "step": 2}),
    (CHAT, {"method": "rank-r1", "max_tokens": 24}),
    (CHAT, {"method": "rearank", "max_tokens": 24}),
    (CHAT, {"method": "grouprank", "max_tokens": 24}),
    ("sentences", {"method": "bi-encoder"}),
    *(
        (model, {"method": "cross-encoder", **options})
        for model in ("tiny-bert-cross-encoder", "tiny-xlmr-cross-encoder")
        for options in (
            {},
            {"activation": "identity", "max_length": 48},
            {"protocol": "flagembedding", "max_length": 48},
        )
    ),
]


@pytest.mark.parametrize("case", ["edison", "arabic"])
@pytest.mark.parametrize(
    ("model", "options"),
    COMPARED,
    ids=[f"{'-'.join(map(str, options.values()))[:50]}-{model}" for model, options in COMPARED],
)
def test_as_transformers_ranks(model, options, case) -> None:
    given = llm.INPUTS[case]
    texts = [document["text"] for document in given["documents"]]
    folder = sentence_model("lasttoken", True) if model == "sentences" else widened(model)
    config = {"model": folder, "empty_passages": "score", **options}
    one, other = (
        Reranker(config, backend=backend(folder)).rerank(given["query"], texts) for backend in (vllm, transformers)
    )
    assert one.order == other.order
    assert one.scores == pytest.approx(other.scores, abs=1e-4, rel=1e-4)
    assert (one.score_kind, one.repairs) == (other.score_kind, other.repairs)
    assert [passage.reasoning for passage in one.passages] == [passage.reasoning for passage in other.passages]
