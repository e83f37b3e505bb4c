"""Imports go downwards: what a folder of the core may import, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

CORE = Path(__file__).parents[1] / "core" / "swaprank"
WORDS = {
    *("errors", "images", "masking", "trace", "types", "responses", "prompt", "requests", "embedding_requests"),
    "capability",
}
PURE = WORDS | {"scores", "replies"}
CONTRACTS = PURE | {"method", "strategy", "backend"}
# Each room and everything that it may import, besides itself.
MAY_IMPORT = {
    "errors": set(),
    "masking": set(),
    "prompt": {"errors", "images"},
    "responses": set(),
    "images": {"errors"},
    "trace": set(),
    "types": {"errors", "images", "trace"},
    "capability": set(),
    "embedding_requests": {"capability", "images", "prompt", "responses"},
    "requests": {"capability", "embedding_requests", "images", "prompt", "responses"},
    "scores": WORDS,
    "replies": WORDS,
    "bm25": PURE,
    "strategy": PURE,
    "method": PURE,
    "backend": PURE,
    "methods": CONTRACTS | {"bm25"},
    "strategies": CONTRACTS,
    "backends": CONTRACTS | {"bm25"},
    "flow": CONTRACTS,
    "cache": CONTRACTS,
    "stages": CONTRACTS | {"flow", "strategies"},
    "recipes": set(),
    "config": CONTRACTS | {"cache", "recipes", "stages", "methods", "strategies", "backends"},
    "inputs": WORDS | {"scores"},
    "calls": CONTRACTS | {"flow", "stages", "config", "inputs"},
    "reranker": CONTRACTS | {"flow", "stages", "config", "backends", "inputs", "calls"},
    "adapters": CONTRACTS | {"flow", "stages", "config", "backends", "reranker"},
    "runs": CONTRACTS | {"config", "reranker"},
    "sample": set(),
    "testing": CONTRACTS | {"config", "reranker"},
    "server": CONTRACTS | {"config", "reranker"},
    "evaluation": CONTRACTS | {"bm25", "flow", "stages", "config", "reranker", "runs"},
    "calibration": CONTRACTS | {"config", "reranker", "runs", "evaluation"},
    "cli": CONTRACTS | {"stages", "config", "reranker", "runs", "server", "calibration", "evaluation"},
    "__main__": {"cli"},
}
# Rooms of `backends`: each backend may use these, and no other backend.
SHARED = {"_common", "_checkpoints", "_tokens"}


def arrows(folder: Path, at: int) -> Iterator[tuple[str, str, str]]:
    """From which room to which, and where; rooms are the names at that depth below the core."""
    for path in sorted(folder.rglob("*.py")):
        package = [*path.relative_to(CORE).parts]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                base = package[: len(package) - node.level]
                names = [node.module.split(".")] if node.module else [[one.name] for one in node.names]
                for target in ([*base, *name] for name in names):
                    if target[:at] == package[:at] and not target[at].startswith("__"):
                        yield package[at].removesuffix(".py"), target[at], f"{'/'.join(package)}:{node.lineno}"


def test_rooms_import_only_what_lies_below_them() -> None:
    upward = [
        f"{where} imports {target}"
        for room, target, where in arrows(CORE, 0)
        if room not in (target, "__init__") and target not in MAY_IMPORT[room]
    ]
    assert upward == []


def test_backends_know_nothing_of_one_another() -> None:
    across = [
        f"{where} imports backends/{target}"
        for room, target, where in arrows(CORE / "backends", 1)
        if target not in {room, *SHARED}
    ]
    assert across == []


@pytest.mark.parametrize("folder", sorted({path.parent for path in CORE.rglob("*.py")}), ids=lambda path: path.name)
def test_no_folder_is_a_heap(folder: Path) -> None:
    most = 18 if folder == CORE else 24
    if folder.name not in ("methods", "recipes"):
        assert len(list(folder.glob("*.py"))) <= most


def test_no_file_is_longer_than_can_be_read_at_once() -> None:
    root = CORE.parents[1]
    code = [
        path for one in ("core", "llamaindex_rerankers", "langchain_rerankers") for path in (root / one).rglob("*.py")
    ]
    long = {str(path.relative_to(root)): count for path in code if (count := len(path.read_text().splitlines())) > 300}
    assert long == {}


@pytest.mark.parametrize("package", ["llamaindex_rerankers", "langchain_rerankers"])
def test_a_frameworks_package_uses_only_what_a_third_one_could(package: str) -> None:
    modules = {"swaprank", "swaprank.adapters", "swaprank.backend", "swaprank.errors", "swaprank.responses"}
    private = [
        f"{path.name}:{node.lineno} imports {[one.name for one in node.names]} from {node.module}"
        for path in sorted((CORE.parents[1] / package).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").startswith("swaprank")
        if node.module not in modules or any(one.name.startswith("_") for one in node.names)
    ]
    assert private == []
