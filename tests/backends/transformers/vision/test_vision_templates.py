"""Prompts with images go through every kind of chat template: of strings, of lists, with images in place or first."""

from __future__ import annotations

import json
import shutil

import pytest

from swaprank.backends._tokens.image_reading import ImageReader
from swaprank.backends._tokens.image_tokens import VisionTokens
from swaprank.backends._tokens.tokens import Tokens
from swaprank.backends.transformers.backend import TransformersBackend
from swaprank.backends.transformers.options import TransformersOptions
from swaprank.prompt import Chat, ImageSlot, Message, Slot, user
from swaprank.requests import Generate
from tests.conftest import MODELS
from tests.methods.multimodal import image

pytestmark = [pytest.mark.torch]
pytest.importorskip("torch")
pytest.importorskip("PIL")

START = "{% for m in messages %}{{ m.role | upper }}: "
END = "{% endfor %}{% if add_generation_prompt %}ASSISTANT:{% endif %}"
IMAGES = "{% for p in m.content if p.type == 'image' %}{{ '<image>\n' }}{% endfor %}"
PARTS = (
    "{% for p in m.content %}{% if p.type == 'image' %}{{ '<image>' }}{% else %}{{ p.text }}{% endif %}{% endfor %} "
)
TEMPLATES = {
    "strings": START + "{{ m.content + ' ' }}" + END,
    "both": START + "{% if m.content is string %}{{ m.content }} {% else %}" + PARTS + "{% endif %}" + END,
    "lists in place": START + PARTS + END,
    # As those of LLaVA 1.5.
    "lists, images first": START
    + IMAGES
    + "{% for p in m.content if p.type == 'text' %}{{ p.text + ' ' }}{% endfor %}"
    + END,
    "lists of texts": START
    + "{% for p in m.content %}{% if p.type == 'text' %}{{ p.text }}{% endif %}{% endfor %} "
    + END,
    "lists, or an error": START + "{% if m.content is string %}{{ raise_exception('no') }}{% endif %}" + PARTS + END,
}
TEA, SUNSET = (ImageSlot(image(name)) for name in ("page_tea.png", "sunset.jpg"))


def tokens(template: str, model: str = "tiny-llava-lm") -> VisionTokens:
    from transformers import AutoConfig, AutoImageProcessor, AutoTokenizer

    folder = str(MODELS / model)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = template
    processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    return VisionTokens(tokenizer, model, ImageReader(processor, AutoConfig.from_pretrained(folder), tokenizer, model))


def shown(own: VisionTokens, chat: Chat) -> str:
    """The prompt as it is read, each image as one mark."""
    ids = own.encode(chat).ids
    first = [token for place, token in enumerate(ids) if token >= 0 or ids[place - 1] != token]
    text = own.tokenizer.decode([own.image_token if token < 0 else token for token in first])
    # Llama's tokenizers put a blank after control tokens when they decode.
    return text.replace("<s> ", "<s>").replace("<image> ", "<image>")


@pytest.mark.parametrize("kind", TEMPLATES)
def test_images_stand_where_the_method_puts_them(kind) -> None:
    own = tokens(TEMPLATES[kind])
    assert shown(own, user("Image-1: ", TEA, "\nImage-2: ", SUNSET, "\nwhich ", Slot("one"), "?")) == (
        "<s>USER: Image-1: <image>\nImage-2: <image>\nwhich one? ASSISTANT:"
    )
    chat = Chat((Message("system", "Be brief."), Message("user", (TEA, "what ", Slot("tea")))))
    after = "<image>\nwhat tea" if kind == "lists, images first" else "<image>what tea"
    assert shown(own, chat) == f"<s>SYSTEM: Be brief. USER: {after} ASSISTANT:"
    assert shown(own, user("no image")) == "<s>USER: no image ASSISTANT:"


@pytest.mark.parametrize("kind", TEMPLATES)
def test_a_placeholder_in_a_text_is_text(kind) -> None:
    own = tokens(TEMPLATES[kind])
    ids = own.encode(user(TEA, "what ", Slot("<image></s>?"))).ids
    assert ids.count(own.image_token) == 0
    assert ids.count(own.tokenizer.eos_token_id) == 0
    assert len({token for token in ids if token < 0}) == 1


@pytest.mark.parametrize("kind", TEMPLATES)
@pytest.mark.parametrize("pictures", [[TEA], [TEA, SUNSET], []])
def test_the_ids_of_llavas_own_processor(kind, pictures) -> None:
    """Which takes lists; the kinds that write the same for a list and a string, or take no string, agree with it."""
    from transformers import AutoImageProcessor, LlavaProcessor

    if kind in ("strings", "lists of texts"):
        pytest.skip("the processor does not show images to these")
    own = tokens(TEMPLATES[kind])
    folder = str(MODELS / "tiny-llava-lm")
    processor = LlavaProcessor(
        AutoImageProcessor.from_pretrained(folder, backend="pil"),
        own.tokenizer,
        chat_template=TEMPLATES[kind],
        **{
            key: value
            for key, value in json.loads((MODELS / "tiny-llava-lm" / "processor_config.json").read_text()).items()
            if key in ("patch_size", "vision_feature_select_strategy", "num_additional_image_tokens")
        },
    )
    content = [*({"type": "image", "image": slot.image.open()} for slot in pictures), {"type": "text", "text": "what?"}]
    expected = processor.apply_chat_template(
        [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=True, return_dict=True
    )["input_ids"]
    found = own.encode(user(*pictures, "what?")).ids
    assert [own.image_token if token < 0 else token for token in found] == list(expected[0])


@pytest.mark.parametrize("model", ["tiny-qwen2-vl-lm", "tiny-qwen3-vl-lm", "tiny-internvl-lm"])
def test_families_with_tokens_around_an_image_have_them_through_lists(model) -> None:
    before = tokens("", model).tokenizer
    own_template = tokens("", model)
    both = type(before).from_pretrained(str(MODELS / model)).chat_template
    strings_refused = "{% for m in messages if m.content is string %}{{ raise_exception('lists only') }}{% endfor %}"
    prompt = user("Image-1: ", ImageSlot(TEA.image, None, 28224), "\nwhat ", Slot("tea"))
    listed, written = tokens(strings_refused + both, model), tokens(both, model)
    assert listed.encode(prompt).ids == written.encode(prompt).ids
    assert own_template.image_token not in listed.encode(prompt).ids


def test_text_models_take_lists_too() -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(MODELS / "tiny-llama3-lm"))
    found = []
    for kind in ("strings", "lists in place"):
        tokenizer.chat_template = TEMPLATES[kind]
        found.append(Tokens(tokenizer, "tiny").encode(user("what ", Slot("<|eot_id|> tea"))).ids)
    assert found[0] == found[1]


def test_the_template_of_a_stored_processor(tmp_path) -> None:
    """A `chat_template.json` beside a tokenizer without a template, as llava-hf's checkpoints have it."""
    folder = tmp_path / "tiny-llava"
    shutil.copytree(MODELS / "tiny-llava-lm", folder)
    (folder / "chat_template.jinja").unlink()
    (folder / "chat_template.json").write_text(json.dumps({"chat_template": TEMPLATES["lists, images first"]}))
    replies = []
    for path in (folder, MODELS / "tiny-llava-lm"):
        backend = TransformersBackend(str(path), TransformersOptions(dtype="float32", device="cpu"))
        [reply] = backend.run([Generate(user(TEA, "\n" if path != folder else "", "what?"), 5)])
        replies.append((reply.text, reply.usage.input_tokens))
    assert replies[0] == replies[1]
