"""Where models run and in which number format: the rule holds on every CPU, with and without fast bfloat16."""

import math

import pytest

from swaprank.backends.transformers import load_runners
from swaprank.backends.transformers.device import device, dtype
from swaprank.backends.transformers.options import TransformersOptions
from swaprank.requests import Generate, LabelLogprobs
from tests.conftest import MODELS

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")


@pytest.fixture(params=[True, False], ids=["fast bfloat16", "no fast bfloat16"])
def fast(request, monkeypatch):
    """Whether this CPU claims to multiply bfloat16."""
    flags = {"amx_bf16": request.param, "avx512_bf16": False}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: flags, raising=False)
    return request.param


def test_only_language_models_take_bfloat16_of_a_cpu(fast) -> None:
    assert dtype("auto", "cpu") is (torch.bfloat16 if fast else torch.float32)
    assert dtype("auto", "cpu", half_on_cpu=False) is torch.float32
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
    model = load_runners.language_model(str(MODELS / name), TransformersOptions(device="cpu"))
    labels, text = model.run([LabelLogprobs("tea", ("yes", "no")), Generate("tea", 2)])
    assert all(math.isfinite(value) for value in labels.logprobs)
    assert isinstance(text.text, str)
