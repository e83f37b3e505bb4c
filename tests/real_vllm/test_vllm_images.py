"""Prompts with images, answered by vLLM and by transformers with the same weights."""

import importlib.util
import json
import shutil
from pathlib import Path

import pytest

from swaprank.backends.vllm.backend import VllmBackend
from swaprank.backends.vllm.options import VllmOptions
from swaprank.prompt import ImageSlot, Slot, user
from swaprank.requests import Generate, LabelLogprobs, SequenceLogprob
from tests.conftest import MODELS
from tests.methods.multimodal import image
from tests.real_vllm.conftest import OPTIONS, transformers

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("torchvision", "mistral_common")),
    reason="vLLM's vision-language models import torchvision and mistral_common",
)
# Image processors with torchvision and with Pillow differ by rounding.
LOGPROB = 1e-3
NAMES = ("page_tea.png", "sunset.jpg", "chart_bars.png")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    """Qwen2-VL with half as many heads of twice the width, which vLLM's kernels on a CPU ask for."""
    folder = Path(shutil.copytree(MODELS / "tiny-qwen2-vl-lm", tmp_path_factory.mktemp("wide") / "tiny-qwen2-vl-lm"))
    config = json.loads((folder / "config.json").read_text())
    text = config["text_config"]
    text["num_attention_heads"] //= 2
    text["num_key_value_heads"] //= 2
    rope = text["rope_parameters"]
    rope["mrope_section"] = [2 * part for part in rope["mrope_section"]]
    (folder / "config.json").write_text(json.dumps(config))
    return str(folder)


def test_images_are_read_alike(model) -> None:
    prompts = [
        user("About ", Slot("tea <|image_pad|>"), *[ImageSlot(image(name), None, 28224) for name in NAMES[:many]], "?")
        for many in range(4)
    ]
    scored = [LabelLogprobs(prompt, ("a", "b")) for prompt in prompts]
    scored += [SequenceLogprob(prompt, " tea and") for prompt in prompts]
    written = [Generate(prompt, 5) for prompt in prompts]
    limits = {"limit_mm_per_prompt": {"image": 3, "video": 0}, "max_model_len": 2048}
    ours = VllmBackend(model, VllmOptions(**OPTIONS, **limits))
    theirs = transformers(model)
    for one, other in zip(ours.run(scored), theirs.run(scored), strict=True):
        assert one.logprobs == pytest.approx(other.logprobs, abs=LOGPROB)
        assert one.usage == other.usage
    for one, other in zip(ours.run(written), theirs.run(written), strict=True):
        assert (one.text, one.usage) == (other.text, other.usage)
