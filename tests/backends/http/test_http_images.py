"""Prompts with images go to chat servers as OpenAI's image parts, and to nothing that reads text only."""

import base64
import io

import pytest

from swaprank import ConfigError, Image, ImageError, Passage, Reranker
from swaprank.backends.http.backend import HttpBackend
from swaprank.backends.http.options import HttpOptions
from swaprank.prompt import ImageSlot, Slot, user
from swaprank.requests import Generate
from tests.backends.http.fake_server import FakeServer
from tests.conftest import GOLDEN, MODELS

PIL = pytest.importorskip("PIL.Image")
IMAGES = GOLDEN / "images"
RED, BROKEN = Image(IMAGES / "red_circle.png"), Image(IMAGES / "truncated.jpg")
CHAT = "/v1/chat/completions"


def picture(part):
    """What an image part shows."""
    head, _, data = part["image_url"]["url"].partition(",")
    assert head == "data:image/png;base64"
    return PIL.open(io.BytesIO(base64.b64decode(data)))


def test_parts_of_a_message() -> None:
    prompt = user("Image-1: ", ImageSlot(Image(IMAGES / "exif_rotated.jpg")), "\n", Slot("a text"), "\nAnswer.")
    with FakeServer() as server:
        HttpBackend("tiny", HttpOptions(api="openai-chat", base_url=server.url)).run([Generate(prompt, 5)])
        [message] = server.bodies(CHAT)[0]["messages"]
    assert [part["type"] for part in message["content"]] == ["text", "image_url", "text"]
    assert message["content"][2]["text"] == "\na text\nAnswer."
    assert picture(message["content"][1]).size == (120, 200)


def test_a_limit_of_pixels_is_kept() -> None:
    prompt = user(ImageSlot(Image(IMAGES / "page_dense.png"), max_pixels=10_000))
    with FakeServer() as server:
        HttpBackend("tiny", HttpOptions(api="openai-chat", base_url=server.url)).run([Generate(prompt, 5)])
        width, height = picture(server.bodies(CHAT)[0]["messages"][0]["content"][0]).size
    assert 9_000 < width * height <= 10_000


def test_an_unreadable_image_costs_its_own_request_only() -> None:
    requests = [Generate(user(ImageSlot(BROKEN)), 5), Generate(user("text"), 5)]
    with FakeServer() as server:
        broken, fine = HttpBackend("tiny", HttpOptions(api="openai-chat", base_url=server.url)).run(requests)
    assert isinstance(broken, ImageError)
    assert not isinstance(fine, Exception)


def test_completions_take_no_images() -> None:
    options = HttpOptions(
        api="openai-completions", base_url="http://127.0.0.1:9", tokenizer=str(MODELS / "tiny-qwen3-lm")
    )
    [answer] = HttpBackend("tiny", options).run([Generate(user(ImageSlot(RED)), 5)])
    assert isinstance(answer, ConfigError)
    assert "api: openai-chat" in str(answer)


def test_a_listwise_method_end_to_end() -> None:
    with FakeServer() as server:
        backend = {"type": "http", "api": "openai-chat", "base_url": server.url}
        ranking = Reranker(method="vic", model="tiny", backend=backend).rerank(
            "a circle", [Passage("", images=RED), Passage("", images=BROKEN), Passage("a text")]
        )
        [message] = server.bodies(CHAT)[0]["messages"]
    assert ranking.order[-1] == 1
    assert sum(part["type"] == "image_url" for part in message["content"]) == 2
    assert any("truncated.jpg" in warning for warning in ranking.warnings)
