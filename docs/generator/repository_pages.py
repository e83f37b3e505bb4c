"""Pages that are files of the repository: README, how to contribute, what changed, examples, notebooks."""

from __future__ import annotations

import ast
import json
from pathlib import Path

from .links import PAGES


def pages(root: Path) -> dict[str, str]:
    """Path in the site to content."""
    copied = {page: (root / name).read_text(encoding="utf-8") for name, page in PAGES.items()}
    notebooks = {
        f"notebook-{path.stem}.md": _notebook(path)
        for path in sorted((root / "examples" / "notebooks").glob("*.ipynb"))
    }
    return {**copied, **notebooks, "examples.md": _examples(root / "examples")}


def _notebook(path: Path) -> str:
    parts = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        if printed := "".join(text for output in cell.get("outputs", []) for text in output["text"]):
            parts.append(f"```\n{printed.rstrip()}\n```")
    return "\n\n".join([*parts, f"The notebook is `examples/notebooks/{path.name}` of the repository."]) + "\n"


def _examples(folder: Path) -> str:
    parts = ["# Examples", "Each is run by the tests, from the folder `examples` of the repository."]
    for path in sorted(folder.glob("*.py")):
        code = path.read_text(encoding="utf-8")
        doc = ast.get_docstring(ast.parse(code)) or ""
        parts += [f"## {path.name}", doc, f"```python\n{code.strip()}\n```"]
    for path in sorted(folder.glob("*.yaml")):
        parts += [f"## {path.name}", f"```yaml\n{path.read_text(encoding='utf-8').strip()}\n```"]
    return "\n\n".join(parts) + "\n"
