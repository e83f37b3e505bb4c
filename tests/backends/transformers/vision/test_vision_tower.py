"""The vision tower reads each image once, several in a call within a budget of pixels, and alike alone and together."""

from __future__ import annotations

import pytest

from swaprank import Image, Passage, Reranker
from swaprank.backends.transformers.backend import TransformersBackend
from swaprank.backends.transformers.options import TransformersOptions
from swaprank.backends.transformers.vision import tower
from swaprank.prompt import ImageSlot, user
from swaprank.requests import LabelLogprobs
from tests.conftest import MODELS

pytestmark = [pytest.mark.torch]
pytest.importorskip("torch")
pytest.importorskip("PIL")

FAMILIES = ["tiny-qwen2-vl-lm", "tiny-qwen2-5-vl-lm", "tiny-qwen3-vl-lm", "tiny-llava-lm", "tiny-internvl-lm"]
PAGE = 28 * 28 * 12


def pages(count: int) -> list[Image]:
    """Pages of as many shapes, each with its own colours."""
    from PIL import Image as Pictures

    found = []
    for number in range(count):
        page = Pictures.linear_gradient("L").resize((90 + 11 * (number % 5), 120 - 9 * (number % 4)))
        colour = ((number * 37) % 256, (number * 91) % 256, 128)
        found.append(Image(Pictures.merge("RGB", [page.point(lambda value, own=own: value ^ own) for own in colour])))
    return found


def backend(model: str, **options) -> TransformersBackend:
    return TransformersBackend(str(MODELS / model), TransformersOptions(dtype="float32", device="cpu", **options))


def watched(own: TransformersBackend, monkeypatch) -> tuple[list[int], list[int]]:
    """How many images each call of the vision tower reads, and how many tokens each call of the decoder, from now on."""
    network = own._batcher.call(lambda models: models.runner("language")._network).result()
    looks: list[int] = []
    reads: list[int] = []
    read, forward = network.tower._read, network.network.forward

    def reading(numbers):
        looks.append(len(numbers))
        assert len(numbers) == 1 or sum(network._tokens.area(number) for number in numbers) <= tower.MOST_PIXELS
        return read(numbers)

    def forwarding(*args, **arguments):
        reads.append(arguments["input_ids"].numel())
        return forward(*args, **arguments)

    monkeypatch.setattr(network.tower, "_read", reading)
    monkeypatch.setattr(network.network, "forward", forwarding)
    return looks, reads


def asked(images: list[Image]) -> list[LabelLogprobs]:
    return [LabelLogprobs(user(ImageSlot(image, None, PAGE), "relevant?"), ("a", "b")) for image in images]


@pytest.mark.parametrize("model", FAMILIES)
def test_together_as_one_by_one(model, monkeypatch) -> None:
    requests = asked(pages(9))
    monkeypatch.setattr(tower, "MOST_PIXELS", 1)
    alone = [reply.logits for reply in backend(model).run(requests)]
    monkeypatch.undo()
    together = backend(model)
    looks, _ = watched(together, monkeypatch)
    found = [reply.logits for reply in together.run(requests)]
    assert looks == [9]
    for own, other in zip(found, alone, strict=True):
        assert own == pytest.approx(other, abs=1e-5)


@pytest.mark.parametrize("model", FAMILIES)
def test_twenty_pages_in_batches_of_pixels_and_tokens(model, monkeypatch) -> None:
    own = backend(model, batch_tokens=200)
    monkeypatch.setattr(tower, "MOST_PIXELS", 4 * PAGE)
    looks, reads = watched(own, monkeypatch)
    requests = asked(pages(20))
    replies = own.run(requests)
    assert sum(looks) == 20
    assert max(looks) > 1 and len(looks) < 20
    longest = max(reply.usage.input_tokens for reply in replies)
    assert 1 < len(reads) < 20 and max(reads) <= max(200, longest)
    # Another query about the same pages: the tower has nothing to do.
    del looks[:]
    own.run(requests)
    assert looks == []


@pytest.mark.parametrize("model", ["tiny-qwen2-5-vl-lm", "tiny-internvl-lm"])
def test_the_tower_reads_a_page_once_and_not_once_per_window(model, monkeypatch) -> None:
    own = backend(model)
    looks, _ = watched(own, monkeypatch)
    config = {"method": "vic", "model": str(MODELS / model), "layout": "image", "max_tokens": 4}
    strategy = {"type": "sliding-window", "window_size": 6, "step": 3}
    ranking = Reranker({**config, "strategy": strategy}, backend=own).rerank(
        "harbour", [Passage("", str(place), images=image) for place, image in enumerate(pages(20))]
    )
    assert sorted(ranking.order) == list(range(20))
    assert sum(looks) == 20 > len(looks)


def test_a_part_that_is_given_up_frees_its_memory(monkeypatch) -> None:
    own = backend("tiny-qwen3-vl-lm")
    own.run(asked(pages(4)))
    network = own._batcher.call(lambda models: models.runner("language")._network).result()
    for seen in network.tower._seen.values():
        for tensor in [*seen.vectors, *(part for layer in seen.deep for part in layer)]:
            assert tensor.untyped_storage().nbytes() == tensor.nbytes
