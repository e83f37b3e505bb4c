"""Recorded runs of the official codes, and the tiny models they were made with."""

from __future__ import annotations

import json
import os
import weakref
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pytest

# No test may ask a hub. Hub libraries read it once, when they are imported.
os.environ["HF_HUB_OFFLINE"] = "1"

from swaprank.backends._common import shared
from tests.models import unpacked

GOLDEN = Path(os.environ.get("SWAPRANK_GOLDEN", Path(__file__).parent / "golden"))
MODELS = GOLDEN / "models" if (GOLDEN / "models").is_dir() else unpacked()


def golden(name: str) -> dict[str, Any]:
    """One file of recordings."""
    recorded: dict[str, Any] = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    return recorded


def inputs() -> dict[str, dict[str, Any]]:
    """The inputs of the recordings by id."""
    entries = json.loads((GOLDEN / "inputs.json").read_text(encoding="utf-8"))
    return {entry["id"]: entry for entry in entries}


@pytest.fixture
def nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> weakref.WeakValueDictionary[Hashable, Any]:
    """The models of this process, as if none had been loaded: other tests of it may still hold some."""
    monkeypatch.setattr(shared, "_models", weakref.WeakValueDictionary())
    return shared._models
