"""The picture of docs/report.md: the report on the bundled sample, as Chromium shows it.

Run: python tests/packaging/report_screenshot.py [--theme dark] [--width 1200] [--height 1560] [--output docs/report.png]
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

from swaprank import Reranker
from swaprank.cli.demo import sample
from swaprank.evaluation.comparing import Options, compare
from swaprank.evaluation.report.page import report

RERANKERS = ("bm25", "lexical", "embedded")
_THEME = '<html lang="en"'


def main() -> None:
    """Measure, write the page, take its picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--theme", choices=["light", "dark"], default="light")
    parser.add_argument("--width", type=int, default=1200)
    parser.add_argument("--height", type=int, default=1560)
    parser.add_argument("--output", type=Path, default=Path(__file__).parents[2] / "docs" / "report.png")
    given = parser.parse_args()
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        raise SystemExit("There is no Chromium on this machine.")
    found = compare({name: Reranker(name) for name in RERANKERS}, sample("en"), Options(texts=True))
    page = report(found, title="Rerankers on the bundled sample").replace(
        _THEME, f'{_THEME} data-theme="{given.theme}"', 1
    )
    with tempfile.TemporaryDirectory() as folder:
        file, picture = Path(folder) / "report.html", Path(folder) / "report.png"
        file.write_text(page, encoding="utf-8")
        size = f"--window-size={given.width},{given.height}"
        options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=8000")
        command = [
            browser,
            *options,
            size,
            f"--user-data-dir={folder}/profile",
            f"--screenshot={picture}",
            file.as_uri(),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        with Image.open(picture) as taken:
            # 64 colours are enough for charts, and take a fifth of the bytes.
            taken.convert("RGB").quantize(64).save(given.output, optimize=True)


if __name__ == "__main__":
    main()
