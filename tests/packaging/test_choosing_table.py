"""The choosing table of README and docs is what its command writes."""

from tests.packaging.choosing_table import NEEDS, PAGES, stale, table


def test_the_table_is_current() -> None:
    assert stale() == []
    assert any("<!-- choosing -->" in page.read_text(encoding="utf-8") for page in PAGES)


def test_every_need_has_a_row() -> None:
    assert len(NEEDS) == 10
    assert len(table().splitlines()) == 12
