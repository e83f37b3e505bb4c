"""Pages of the docs of which a benchmark writes a part."""

from __future__ import annotations

from pathlib import Path


def write_between(page: Path, mark: str, text: str) -> None:
    """Replace what stands between the first two lines that are the mark; the rest of the page stays."""
    before, _, rest = page.read_text(encoding="utf-8").partition(mark)
    page.write_text(f"{before}{mark}\n{text}\n{mark}{rest.partition(mark)[2]}", encoding="utf-8")
