"""Prompts with images, as vLLM is given them: one placeholder each, the picture, the bounds; without vLLM."""

import sys
from itertools import count
from types import ModuleType, SimpleNamespace

import pytest

from swaprank.backends.vllm.backend import VllmBackend
from swaprank.backends.vllm.options import VllmOptions
from swaprank.errors import ConfigError, ImageError, ResponseError
from swaprank.images import Image
from swaprank.prompt import ImageSlot, Slot, user
from swaprank.requests import Generate, LabelLogprobs, SequenceLogprob
from tests.conftest import MODELS
from tests.methods.multimodal import image

pytestmark = pytest.mark.torch
TEA = ImageSlot(image("page_tea.png"), None, 28224)
SUNSET = ImageSlot(image("sunset.jpg"), None, 28224)
# Backends of the same model and options share an engine, and each test wants its own.
CONTEXTS = count(4000)


class FakeVllm:
    """In the place of vLLM: reads prompts as its processor of Qwen2-VL does, and answers everything with minus one."""

    def __init__(self, model_type: str, too_many: int = 0) -> None:
        self.given: list[dict] = []
        self.arguments: dict = {}
        self._config = SimpleNamespace(model_type=model_type, eos_token_id=2)
        self._too_many = too_many
        self.module = ModuleType("vllm")
        self.module.LLM, self.module.SamplingParams, self.module.__version__ = self.start, SimpleNamespace, "0"
        self.module.EngineArgs = SimpleNamespace(__dataclass_fields__={})

    def start(self, model: str, **arguments: object) -> SimpleNamespace:
        self.arguments = arguments
        own = SimpleNamespace(hf_config=self._config, max_model_len=4096, try_get_generation_config=dict)
        core = SimpleNamespace(engine_core=None, shutdown=lambda: None)
        return SimpleNamespace(
            model_config=own,
            supported_tasks=["generate"],
            llm_engine=SimpleNamespace(engine_core=core),
            generate=self.generate,
        )

    def generate(self, prompts: list, *, sampling_params: list, **_: object) -> list:
        self.given += prompts
        return [self.answer(prompt, params) for prompt, params in zip(prompts, sampling_params, strict=True)]

    def answer(self, prompt: dict, params: SimpleNamespace) -> SimpleNamespace:
        ids = self.expanded(prompt)
        wanted = getattr(params, "logprob_token_ids", None) or [5]
        step = {token: SimpleNamespace(logprob=-1.0) for token in [*wanted, 5]}
        output = SimpleNamespace(token_ids=[5], logprobs=[step], finish_reason="length")
        before = [{token: SimpleNamespace(logprob=-1.0)} for token in ids]
        return SimpleNamespace(prompt_token_ids=ids, prompt_logprobs=before, outputs=[output])

    def expanded(self, prompt: dict) -> list[int]:
        from transformers import AutoImageProcessor, AutoTokenizer

        folder = MODELS / "tiny-qwen2-vl-lm"
        pad = AutoTokenizer.from_pretrained(folder).convert_tokens_to_ids("<|image_pad|>")
        processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
        pictures = iter(prompt.get("multi_modal_data", {}).get("image", []))
        ids: list[int] = []
        for token in prompt["prompt_token_ids"]:
            if token == pad:
                grid = processor(images=[next(pictures)], **prompt.get("mm_processor_kwargs", {}))["image_grid_thw"]
                ids += [pad] * (int(grid[0].prod()) // 4 + self._too_many)
            else:
                ids.append(token)
        assert next(pictures, None) is None
        return ids


@pytest.fixture
def fake(monkeypatch):
    """Puts a `FakeVllm` in vLLM's place and gives the backend that asks it."""

    def make(model_type: str = "qwen2_vl", too_many: int = 0, **options: object) -> tuple[FakeVllm, VllmBackend]:
        vllm = FakeVllm(model_type, too_many)
        monkeypatch.setitem(sys.modules, "vllm", vllm.module)
        return vllm, VllmBackend(str(MODELS / "tiny-qwen2-vl-lm"), VllmOptions(max_model_len=next(CONTEXTS), **options))

    return make


def test_each_image_is_one_placeholder_a_picture_and_its_bounds(fake) -> None:
    from swaprank.backends.transformers.backend import TransformersBackend
    from swaprank.backends.transformers.options import TransformersOptions

    vllm, backend = fake()
    prompt = user("Query ", SUNSET, " passages ", TEA, TEA, Slot("<|image_pad|> tea " * 40, shrinks=True))
    asked = [LabelLogprobs(prompt, ("yes", "no")), Generate(prompt, 1), SequenceLogprob(prompt, " tea")]
    answers = backend.run(asked)
    for given in vllm.given:
        assert [picture.size for picture in given["multi_modal_data"]["image"]] == [
            slot.image.open().size for slot in (SUNSET, TEA, TEA)
        ]
        assert given["mm_processor_kwargs"] == {"size": {"shortest_edge": 3136, "longest_edge": 28224}}
        assert all(token >= 0 for token in given["prompt_token_ids"])
    other = TransformersBackend(backend.model, TransformersOptions(dtype="float32", device="cpu"))
    expected = other.run(asked)
    assert [one.usage for one in answers] == [one.usage for one in expected]


def test_a_cut_prompt_keeps_its_images_whole(fake) -> None:
    vllm, backend = fake()
    prompt = user(TEA, Slot("word " * 300, shrinks=True))
    [whole] = backend.run([LabelLogprobs(prompt, ("a", "b"))])
    [cut] = backend.run([LabelLogprobs(prompt, ("a", "b"), max_length=100)])
    assert cut.usage.input_tokens <= 100 < whole.usage.input_tokens
    assert len(vllm.given[1]["multi_modal_data"]["image"]) == 1


def test_texts_alone_are_given_as_before(fake) -> None:
    vllm, backend = fake()
    backend.run([LabelLogprobs(user("Is it tea?"), ("yes", "no"))])
    assert set(vllm.given[0]) == {"prompt_token_ids"}


def test_an_unreadable_image_costs_the_others_nothing(fake) -> None:
    _, backend = fake()
    broken = ImageSlot(Image(b"no image"))
    answers = backend.run([LabelLogprobs(user(slot), ("yes", "no")) for slot in (TEA, broken)])
    assert answers[0].logprobs == (-1.0, -1.0)
    assert isinstance(answers[1], ImageError)


def test_one_prompt_has_one_bound(fake) -> None:
    _, backend = fake()
    with pytest.raises(ConfigError, match="different bounds"):
        backend.run([LabelLogprobs(user(TEA, ImageSlot(SUNSET.image, None, 50176)), ("yes", "no"))])


def test_another_count_of_tokens_is_an_error(fake) -> None:
    _, backend = fake(too_many=1)
    with pytest.raises(ResponseError, match="image processor makes"):
        backend.run([LabelLogprobs(user(TEA), ("yes", "no"))])


def test_the_limit_of_images_reaches_vllm(fake) -> None:
    vllm, backend = fake(limit_mm_per_prompt={"image": 2, "video": 0})
    backend.run([LabelLogprobs(user(TEA), ("yes", "no"))])
    assert vllm.arguments["limit_mm_per_prompt"] == {"image": 2, "video": 0}
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        VllmOptions(limit_mm_per_prompt={"image": -1})


def test_families_that_are_not_known_read_text(fake) -> None:
    vllm, backend = fake("gemma3")
    backend.run([LabelLogprobs(user("Is it tea?"), ("yes", "no"))])
    assert set(vllm.given[0]) == {"prompt_token_ids"}
