"""An image is a value that is opened late, upright and on white, and says what is wrong with it without showing it."""

import base64
import io
import pickle
from pathlib import Path

import numpy as np
import pytest

from swaprank import Image, ImageError, InputError, Passage, Query, Reranker
from swaprank.images import ImageAccess, ImageLimits
from tests.conftest import GOLDEN

PIL = pytest.importorskip("PIL.Image")
IMAGES = GOLDEN / "images"


def data(name: str) -> bytes:
    return (IMAGES / name).read_bytes()


def encoded(picture, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind)
    return buffer.getvalue()


def test_the_same_bytes_are_the_same_image() -> None:
    packed = base64.b64encode(data("red_circle.png")).decode()
    ways = [
        Image(IMAGES / "red_circle.png"),
        Image(str(IMAGES / "red_circle.png")),
        Image(data("red_circle.png")),
        Image(f"data:image/png;base64,{packed}"),
        Image.from_base64(packed),
    ]
    assert len(set(ways)) == 1
    first = ways[0].open()
    assert all(way.open() is first for way in ways)
    assert ways[0] != Image(IMAGES / "blue_square.png")


def test_a_text_form_shows_no_bytes_and_is_no_path() -> None:
    shown = repr(Passage("", images=data("red_circle.png")))
    assert f"Image(sha256:{Image(data('red_circle.png')).digest})" in shown
    assert "PNG" not in shown
    assert "red" not in repr(Image(IMAGES / "red_circle.png"))


def test_nothing_is_read_before_it_is_opened() -> None:
    image = Image("missing.png")
    with pytest.raises(ImageError, match=r"'missing.png' cannot be read: FileNotFoundError"):
        image.open()


def test_a_picture_is_decoded_once_while_there_is_room(monkeypatch) -> None:
    from swaprank.images import image as module

    count = []
    decoded = module.decoded
    monkeypatch.setattr(module, "decoded", lambda *args: count.append(1) or decoded(*args))
    monkeypatch.setattr(module, "_last", module.OrderedDict())
    first, second = encoded(PIL.new("RGB", (30, 41), "teal")), encoded(PIL.new("RGB", (30, 42), "teal"))
    for source in (first, first, second):
        Image(source).open()
    assert len(count) == 2
    monkeypatch.setattr(module, "_MOST_KEPT", 30 * 42)
    for source in (second, first, second):
        Image(source).open()
    assert len(count) == 4


def test_a_pickle_holds_the_reference() -> None:
    image = Image(IMAGES / "page_dense.png")
    image.open()
    assert len(pickle.dumps(image)) < 1000
    assert pickle.loads(pickle.dumps(image)) == image


@pytest.mark.parametrize("name", ["alpha.png", "grey_alpha.png", "palette_transparent.png"])
def test_transparency_is_white(name) -> None:
    picture = Image(IMAGES / name).open()
    assert (picture.mode, picture.getpixel((0, 0))) == ("RGB", (255, 255, 255))
    assert "transparency" not in picture.info


def test_pictures_stand_upright() -> None:
    turned, upright = (Image(IMAGES / f"exif_rotated{name}").open() for name in (".jpg", "_upright.png"))
    assert turned.size == upright.size == (120, 200)


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    values = np.array([[0, 32768, 65535]], dtype=np.uint16)
    picture = Image(encoded(PIL.fromarray(values))).open()
    assert [picture.getpixel((place, 0))[0] for place in range(3)] == [0, 128, 255]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (b"hello", "An image of 5 bytes is no image"),
        (b"", "is no image"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "is SVG"),
        (data("truncated.jpg"), "is broken"),
        ("data:image/png;base64,@@@", "no base64"),
        ("data:image/png,abc", "holds no base64"),
        ("https://example.org/a.png?key=secret", "nothing is fetched"),
        ("no\0file", "cannot be read"),
    ],
)
def test_what_is_no_image_is_named(source, says) -> None:
    with pytest.raises(ImageError, match=says) as error:
        Image(source).open()
    assert "secret" not in str(error.value)


def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    access = ImageAccess(image_limits=ImageLimits(bytes=50_000, pixels=10_000))
    bomb = Image(encoded(PIL.new("L", (200, 100))))
    with pytest.raises(ImageError, match="200 x 100 pixels"):
        bomb.within(access).open()
    assert bomb.open().size == (200, 100)
    with pytest.raises(ImageError, match="200 x 100 pixels"):  # although it has been decoded by now
        bomb.within(access).open()
    with pytest.raises(ImageError, match="more than 10 bytes"):
        Image(IMAGES / "red_circle.png").within(ImageAccess(image_limits=ImageLimits(bytes=10))).open()


def test_a_folder_is_not_left(tmp_path) -> None:
    folder, outside = tmp_path / "pages", tmp_path / "outside.png"
    (folder / "deep").mkdir(parents=True)
    for path in (folder / "deep" / "a.png", outside):
        path.write_bytes(data("red_circle.png"))
    (folder / "link.png").symlink_to(outside)
    access = ImageAccess(image_folder=str(folder))
    assert Image("deep/a.png").within(access).open().size == Image(folder / "deep" / "a.png").within(access).open().size
    for path in ("../outside.png", outside, "link.png", "deep/../../outside.png"):
        with pytest.raises(ImageError, match="lies outside of image_folder"):
            Image(path).within(access).open()
    assert Image(data("red_circle.png")).within(access).open()  # no path


def test_a_file_that_changes_is_read_anew_by_the_next_ranking(tmp_path) -> None:
    path = tmp_path / "page.png"
    path.write_bytes(encoded(PIL.new("RGB", (4, 4), "red")))
    kept = Image(path)
    first = kept.within(ImageAccess())
    assert first.open().getpixel((0, 0)) == (255, 0, 0)
    path.write_bytes(encoded(PIL.new("RGB", (5, 5), "blue")))
    second = kept.within(ImageAccess())
    assert second.digest != first.digest
    assert second.open().getpixel((0, 0)) == (0, 0, 255)


def test_open_reads_a_file_once(tmp_path, monkeypatch) -> None:
    path, content = tmp_path / "page.png", encoded(PIL.new("RGB", (6, 8), "green"))
    path.write_bytes(content)
    opened, asked = Path.open, []
    monkeypatch.setattr(Path, "open", lambda self, *given, **named: asked.append(self) or opened(self, *given, **named))
    image = Image(path)
    assert image.open().size == (6, 8)
    assert image.digest == Image(content).digest
    assert image.open().size == (6, 8)
    assert asked == [path]


def test_a_file_that_changes_between_its_digest_and_its_pixels_is_said(tmp_path) -> None:
    path = tmp_path / "page.png"
    path.write_bytes(encoded(PIL.new("RGB", (6, 6), "red")))
    image = Image(path)
    assert image.digest
    path.write_bytes(encoded(PIL.new("RGB", (6, 7), "red")))
    with pytest.raises(ImageError, match="changed while it was read"):
        image.open()


def test_urls_that_differ_behind_the_question_mark_are_two_images() -> None:
    one, other = (Image(f"https://example.org/page?number={number}") for number in "12")
    assert one != other
    assert "number=1" not in repr(one)
    assert "secret" not in Image("https://user:secret@example.org/a.png").name


@pytest.mark.parametrize("size", [(1, 1), (1, 10_000), (10_000, 1)])
@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "I", "F"])
def test_every_size_and_mode_opens(size, mode) -> None:
    picture = Image(PIL.new("RGB", size, "red").convert("L").convert(mode)).open()
    assert (picture.mode, picture.size) == ("RGB", size)


def test_anything_else_is_refused() -> None:
    with pytest.raises(ImageError, match="of type int"):
        Passage("text", images=[3])


def test_a_method_that_reads_text_says_that_images_were_not_read() -> None:
    circle = IMAGES / "red_circle.png"
    ranking = Reranker("bm25").rerank(
        Query("harbour", images=circle), [Passage("", images=[circle, circle]), Passage("the harbour", images=circle)]
    )
    assert ranking.order == [1, 0]
    assert ranking.warnings == [
        "'bm25' read the text only: the images of the query and of 2 of 2 passages were not read."
    ]


def test_a_query_may_be_an_image_alone() -> None:
    assert Reranker("bm25").rerank(Query("", images=IMAGES / "red_circle.png"), ["a"]).order == [0]
    with pytest.raises(InputError):
        Reranker("bm25").rerank(Query(" "), ["a"])
