"""Check the wheel and a bare install; needs pip, and so is no test of the offline suite.

The wheel holds exactly three import packages. Installed with the frameworks but without any model extra,
importing all three packages loads nothing heavy and adds little to the frameworks' own import, and the
default reranker works. Run: python tests/packaging/bare_install.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = {"swaprank", "llamaindex_rerankers", "langchain_rerankers"}
HEAVY = ("torch", "transformers", "sentence_transformers", "vllm", "bm25s", "Stemmer", "tokenizers", "ir_measures")
FRAMEWORKS = "import llama_index.core.postprocessor.types, langchain_core.documents, langchain_core.retrievers"
MOST_SECONDS = 0.3


def pip(python: Path, *arguments: str) -> None:
    subprocess.run([python, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments], check=True, cwd=ROOT)


def wheel(folder: Path) -> Path:
    pip(Path(sys.executable), "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), ".")
    [built] = folder.glob("swaprank-*.whl")
    names = {name.split("/")[0] for name in zipfile.ZipFile(built).namelist()}
    found = {name for name in names if not name.endswith(".dist-info")}
    if found != PACKAGES:
        raise SystemExit(f"The wheel holds {sorted(found)}, not {sorted(PACKAGES)}.")
    return built


def seconds_beside(python: Path, first: str, then: str) -> float:
    """What a second import costs in a process that has done the first; the least of some runs."""
    timed = f"{first}; import time; started = time.perf_counter(); {then}; print(time.perf_counter() - started)"
    return min(float(run(python, timed)) for _ in range(5))


def run(python: Path, code: str) -> str:
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True, cwd="/").stdout.strip()


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        built = wheel(folder)
        venv.create(folder / "bare", with_pip=True)
        python = folder / "bare" / "bin" / "python"
        pip(python, "install", f"{built}[llamaindex,langchain]")
        ours = f"import {', '.join(sorted(PACKAGES))}"
        loaded = run(python, f"{ours}; import sys; print([name for name in {HEAVY!r} if name in sys.modules])")
        if loaded != "[]":
            raise SystemExit(f"Importing the packages loads {loaded}.")
        added = seconds_beside(python, FRAMEWORKS, ours)
        if added > MOST_SECONDS:
            raise SystemExit(f"Importing the packages adds {added:.2f} s to the frameworks' own import.")
        order = run(python, "import swaprank; print(swaprank.Reranker().rerank('tea', ['coffee', 'tea']).order)")
        if order != "[1, 0]":
            raise SystemExit(f"The default reranker on a bare install says {order}.")
    sys.stdout.write(f"Wheel and bare install are in order; the import adds {added:.2f} s.\n")


if __name__ == "__main__":
    main()
