"""The pictures of docs/images.md are what the library draws for models."""

from pathlib import Path

import pytest

numpy = pytest.importorskip("numpy")
PIL = pytest.importorskip("PIL.Image")
ROOT = Path(__file__).parents[2]


def test_the_pictures_are_up_to_date(tmp_path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    from generator import pictures

    monkeypatch.setattr(pictures, "DOCS", tmp_path)
    pictures.main()
    drawn = sorted(tmp_path.glob("*.png"))
    assert len(drawn) == 2
    for path in drawn:
        kept = ROOT / "docs" / path.name
        assert kept.stat().st_size < 100_000
        one, other = (numpy.asarray(PIL.open(each).convert("RGB"), dtype=float) for each in (path, kept))
        assert one.shape == other.shape
        assert abs(one - other).mean() < 5  # fonts differ a little between versions of Pillow
