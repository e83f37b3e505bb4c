"""Keep the choosing table equal to the recipes and to the times that were measured, on every page that has its marks.

Run: python tests/packaging/choosing_table.py [--check]

The needs and their recipes stand here; quality, licence and time come from the recipes and from
``core/swaprank/evaluation/choosing/cpu_latency.yaml``.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from swaprank.config import recipe
from swaprank.evaluation.choosing.cpu_latency import cpu_latency

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PASSAGES = 50
NEEDS = {
    "English or Arabic, no torch, no download": "embedded",
    "English, on a CPU, as fast as a model gets": "ms-marco-tinybert-l2",
    "English, on a CPU, the usual first choice": "ms-marco-minilm-l6",
    "English, with weights out of a pip package": "embedded-minilm",
    "English, a small GPU": "gte-reranker-modernbert",
    "Arabic": "ara-reranker-v1",
    "Many languages": "bge-reranker-v2-m3",
    "Many languages, with instructions": "qwen3-reranker-4b",
    "English, the whole list read by a language model": "dear-8b-listwise",
    "Questions that take reasoning": "erank-4b",
}
_MARKS = r"(<!-- choosing -->\n).*?(\n<!-- /choosing -->)"


def table() -> str:
    """The rows, in Markdown."""
    head = f"| need | recipe | quality as published | ms on CPU, {PASSAGES} passages | licence |"
    lines = [head, "|---|---|---|---|---|"]
    for need, name in NEEDS.items():
        found = recipe.get(name)
        first = found.published[0] if found.published else None
        quality = f"{first.value:g} {first.metric}, {first.dataset}" if first else "none on a public set"
        milliseconds = cpu_latency().of(name, PASSAGES)
        time = "GPU" if milliseconds is None else f"{'~' * (name in cpu_latency().by_shape)}{milliseconds:,.0f}"
        lines.append(f"| {need} | `{name}` | {quality} | {time} | {found.license} |")
    return "\n".join(lines)


def updated(text: str) -> str:
    """A page with the table as it is now."""
    return re.sub(_MARKS, lambda found: f"{found[1]}{table()}{found[2]}", text, flags=re.DOTALL)


def stale() -> list[Path]:
    """Pages whose table is another."""
    return [page for page in PAGES if updated(text := page.read_text(encoding="utf-8")) != text]


def main() -> None:
    """Check, or write."""
    if "--check" in sys.argv[1:]:
        if found := stale():
            names = ", ".join(page.name for page in found)
            raise SystemExit(f"The table of {names} is stale: run python tests/packaging/choosing_table.py")
        return
    for page in stale():
        page.write_text(updated(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
