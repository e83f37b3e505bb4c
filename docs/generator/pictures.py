"""What models are shown, drawn by the library itself. Run: python docs/generator/pictures.py.

`square` draws its candidates into one picture, `vic` the frames of a video. The images are those of the tests, which
were drawn for this project.
"""

from __future__ import annotations

from pathlib import Path

from swaprank.images import Image
from swaprank.images.grid import FrameGrid, NumberedGrid

DOCS = Path(__file__).parents[1]
IMAGES = DOCS.parent / "tests" / "golden" / "images"
CANDIDATES = ("page_harbour", "chart_bars", "sunset", "page_tea", "red_circle", "meadow")
FRAMES = ("red_circle", "sunset", "meadow", "night")


def image(name: str) -> Image:
    """An image of the tests."""
    return Image(next(IMAGES.glob(f"{name}.*")))


def main() -> None:
    """Draw all pictures anew."""
    drawn = {
        "images-square.png": NumberedGrid([image(name) for name in CANDIDATES], cell=180),
        "images-vic.png": FrameGrid([image(name) for name in FRAMES], side=2, size=360),
    }
    for name, picture in drawn.items():
        picture.open().quantize(128).save(DOCS / name, optimize=True)


if __name__ == "__main__":
    main()
