"""A batch of prompts with no image, one and several is answered as each prompt alone, in every family that is known."""

from __future__ import annotations

import pytest

from swaprank.backends.transformers.backend import TransformersBackend
from swaprank.backends.transformers.options import TransformersOptions
from swaprank.errors import PromptTooLongError
from swaprank.prompt import ImageSlot, Slot, user
from swaprank.requests import Generate, LabelLogprobs
from tests.conftest import MODELS
from tests.methods.multimodal import image

pytestmark = [pytest.mark.torch]
pytest.importorskip("torch")
pytest.importorskip("PIL")

NAMES = ("page_tea.png", "sunset.jpg", "chart_bars.png")
PROMPTS = [
    user("About ", Slot("tea " * count), *[ImageSlot(image(name), None, 28224) for name in NAMES[:count]], "answer")
    for count in range(4)
]


def backend(model: str, **options) -> TransformersBackend:
    return TransformersBackend(str(MODELS / model), TransformersOptions(dtype="float32", device="cpu", **options))


@pytest.mark.parametrize(
    "model",
    ["tiny-qwen2-vl-lm", "tiny-qwen2-5-vl-lm", "tiny-qwen3-vl-lm", "tiny-llava-lm", "tiny-internvl-lm"],
)
def test_batches(model) -> None:
    one = backend(model)
    written = [Generate(prompt, 6 + 3 * place) for place, prompt in enumerate(PROMPTS)]
    together = one.run(written)
    assert [reply.text for reply in together] == [one.run([request])[0].text for request in written]
    asked = [LabelLogprobs(prompt, ("a", "b")) for prompt in PROMPTS]
    for found, request in zip(one.run(asked), asked, strict=True):
        assert found.logits == pytest.approx(one.run([request])[0].logits, abs=2e-5)


def test_images_count_as_tokens_and_are_never_cut() -> None:
    one = backend("tiny-qwen2-vl-lm")
    prompt = user(ImageSlot(image("page_tea.png"), None, 28224), Slot("word " * 300, shrinks=True))
    whole = one.run([LabelLogprobs(prompt, ("a", "b"))])[0].usage.input_tokens
    cut = one.run([LabelLogprobs(prompt, ("a", "b"), max_length=100)])[0].usage
    assert (cut.cut, whole > 300, cut.input_tokens <= 100) == (1, True, True)
    [answer] = one.run([LabelLogprobs(prompt, ("a", "b"), max_length=30)])
    assert isinstance(answer, PromptTooLongError)


def test_of_an_image_only_its_vectors_are_kept() -> None:
    one = backend("tiny-qwen3-vl-lm")
    one.run([LabelLogprobs(PROMPTS[2], ("a", "b"))])
    network = one._batcher.call(lambda models: models.runner("language")._network).result()
    kept = network.tower._seen
    assert len(kept) == 2
    width = network.network.config.text_config.hidden_size
    for number, seen in kept.items():
        assert seen.size == (1 + len(seen.deep)) * network._tokens.length(number) * width * 4
