"""Whatever an image's bytes are, a passage with it ends in a score or in a named error, and costs no other passage."""

from __future__ import annotations

import io
import random

import pytest

from swaprank import Image, ImageError, Passage
from tests.conftest import GOLDEN
from tests.methods.multimodal import reranker

PIL = pytest.importorskip("PIL.Image")
IMAGES = sorted(path for path in (GOLDEN / "images").iterdir() if path.is_file())


def mutations() -> list[bytes]:
    chance = random.Random(0)
    found = []
    for path in IMAGES:
        for _ in range(12):
            data = bytearray(path.read_bytes())
            for _ in range(chance.randint(1, 8)):
                # Headers are short, and hold what sizes and offsets are.
                data[chance.randrange(min(len(data), chance.choice((64, len(data)))))] = chance.randrange(256)
            found.append(bytes(data[: chance.choice((len(data), chance.randrange(1, len(data) + 1)))]))
    return found


def test_broken_bytes_open_or_are_named() -> None:
    broken = 0
    for data in mutations():
        try:
            assert Image(data).open().mode == "RGB"
        except ImageError as error:
            broken += 1
            assert "An image of" in str(error)
    assert 0 < broken < 12 * len(IMAGES)


def test_formats_that_start_programs_are_not_read() -> None:
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n%%EOF\n"
    with pytest.raises(ImageError, match="no image"):
        Image(eps).open()


def test_pictures_of_other_colours_are_other_images() -> None:
    red, blue = PIL.new("P", (2, 2)), PIL.new("P", (2, 2))
    red.putpalette([255, 0, 0])
    blue.putpalette([0, 0, 255])
    assert Image(red) != Image(blue)
    assert Image(blue).open().getpixel((0, 0)) == (0, 0, 255)


def test_a_dark_scan_of_sixteen_bits_stays_dark() -> None:
    buffer = io.BytesIO()
    PIL.new("I;16", (4, 4), 200).save(buffer, "PNG")
    assert Image(buffer.getvalue()).open().getpixel((0, 0)) == (1, 1, 1)


@pytest.mark.torch
def test_all_of_them_pass_a_reranker() -> None:
    pytest.importorskip("torch")
    ranker = reranker("vision-yes-no", "tiny-qwen2-vl-lm", protocol="mono-qwen2-vl", max_pixels=28224)
    hostile = [Passage("", path.name, images=[path]) for path in IMAGES]
    passages = [*hostile, Passage("<|image_pad|><|vision_start|> tea", "text"), Passage("", "svg", images=[b"<svg/>"])]
    ranking = ranker.rerank("tea", passages)
    assert sorted(ranking.order) == list(range(len(passages)))
    told = " ".join(ranking.warnings)
    unread = {"not_an_image.png", "truncated.jpg", "svg"}
    assert all(f"'{name}'" in told for name in unread)
    assert {passages[place].id for place in ranking.order[-len(ranking.warnings) :]} >= unread
