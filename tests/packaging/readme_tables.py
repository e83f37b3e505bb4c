"""Keep the tables of docs/methods.md and docs/recipes.md equal to the code.

Run: python tests/packaging/readme_tables.py [--check]
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from swaprank.config import recipe, registry

DOCS = Path(__file__).parents[2] / "docs"


def methods() -> str:
    lines = ["| method | family | needs | what it does |", "|---|---|---|---|"]
    for name in registry.names("method"):
        method = registry.method(name)
        what = (method.__doc__ or "").splitlines()[0]
        lines.append(f"| `{name}` | {method.family} | {', '.join(sorted(method.needs))} | {what} |")
    return "\n".join(lines)


def recipes() -> str:
    lines = ["| recipe | size | languages | licence | what it is |", "|---|---|---|---|---|"]
    for name, found in recipe.all_recipes().items():
        cells = (f"`{name}`", found.parameters, ", ".join(found.languages), found.license, found.description)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    for name, table in (("methods", methods()), ("recipes", recipes())):
        page = DOCS / f"{name}.md"
        text = page.read_text(encoding="utf-8")
        marks = rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)"
        updated = re.sub(marks, lambda found, table=table: f"{found[1]}{table}{found[2]}", text, flags=re.DOTALL)
        if updated == text:
            continue
        if "--check" in sys.argv[1:]:
            raise SystemExit(f"The table of docs/{page.name} is stale: run python tests/packaging/readme_tables.py")
        page.write_text(updated, encoding="utf-8")


if __name__ == "__main__":
    main()
